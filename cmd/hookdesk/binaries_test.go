package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// self is this test binary, which a desk can run as the plugin classify.
func self(t *testing.T) (path, sum string) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(content)
	return path, hex.EncodeToString(digest[:])
}

// script is a program that is no plugin.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const mayTickets = "classify=tickets:read,tickets:write"

func TestWhatVerifyPrintsLetsABinaryServe(t *testing.T) {
	t.Parallel()
	path, sum := self(t)
	out, err := call(t, "plugin", "verify", path, "--checks", "starts,odd")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"classify 1.0.0: Sets priority", sum, "tickets:read, tickets:write", "ticket.create.before: sort", "ticket.created: explain",
		"GET /api/classify/tickets/{ticket} (agents)", "ticket.sidebar: Classified", "note, tags, urgent",
		`external.SHA256("` + sum + `"), external.Grant("tickets:read", "tickets:write"))`,
		"ok      starts", "ok      odd",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	line := regexp.MustCompile(`(?m)^ +hookdesk (serve .*)$`).FindStringSubmatch(out)
	if line == nil {
		t.Fatal(out)
	}
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, append(strings.Fields(line[1]), "--database", database(t), "--files", t.TempDir())...)
			if made := p.want(201, carla, "POST /api/tickets", `{"subject":"All is down","body":"Help!"}`); !strings.Contains(made, `"priority":"urgent"`) {
				t.Errorf("the plugin took no part: %s", made)
			}
			var shown string
			for range 200 {
				if shown = p.want(200, chloe, "GET /api/tickets/1", ""); strings.Contains(shown, "Classified by: down") {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			if !strings.Contains(shown, "Classified by: down") {
				t.Errorf("the event was not heard, or the call not granted: %s", shown)
			}
			p.want(200, chloe, "GET /api/classify/tickets/1", "")
		})
	}
}

func TestABinaryIsNotServedWithoutAWordOnIt(t *testing.T) {
	t.Parallel()
	path, sum := self(t)
	for name, row := range map[string]struct {
		args []string
		want string
	}{
		"nothing granted":       {[]string{"--plugin", path}, "asks for tickets:read and tickets:write, which was not granted: if it may, say so by --grant " + mayTickets},
		"too little":            {[]string{"--plugin", path, "--grant", "classify=tickets:read"}, "asks for tickets:write, which"},
		"too much":              {[]string{"--plugin", path, "--grant", mayTickets + ",kb:read"}, "does not ask for it; it asks for tickets:read, tickets:write"},
		"a grant for nobody":    {[]string{"--plugin", path, "--grant", mayTickets, "--grant", "other=kb:read"}, "no --plugin is the plugin other"},
		"a grant without a who": {[]string{"--plugin", path, "--grant", "tickets:read"}, "it must be a plugin and permissions"},
		"another sum":           {[]string{"--plugin", path + "=sha256:" + strings.Repeat("0", 64)}, "has the SHA-256 " + sum},
		"no sum":                {[]string{"--plugin", path + "=sha256:12"}, "64 hexadecimal digits"},
		"no file":               {[]string{"--plugin", "=plaintext"}, "it must be a file"},
		"no such file":          {[]string{"--plugin", path + ".missing"}, "no such file"},
		"no plugin":             {[]string{"--plugin", script(t, "echo sorry >&2")}, "did not print the handshake of a plugin; it wrote: sorry"},
		"the same twice":        {[]string{"--plugin", path, "--plugin", path, "--grant", mayTickets}, "classify"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"serve", "--trust-headers", "--addr", "127.0.0.1:0", "--database", file(t), "--files", t.TempDir()}, row.args...)
			if out, err := call(t, args...); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestVerifyKnowsItsChecks(t *testing.T) {
	t.Parallel()
	path, _ := self(t)
	if out, err := call(t, "plugin", "verify", path, "--checks", "none"); err != nil || strings.Contains(out, "suite") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := call(t, "plugin", "verify", path, "--checks", "nonsense"); err == nil || !strings.Contains(err.Error(), "no check of the name nonsense") {
		t.Error(err)
	}
}

func TestVerifyFailsOfABadBinary(t *testing.T) {
	t.Parallel()
	for name, row := range map[string][2]string{
		"a program that is none":  {script(t, "echo hello; sleep 1"), "did not print the handshake of a plugin"},
		"one that says something": {script(t, "echo no room >&2; exit 3"), "it wrote: no room"},
		"no file":                 {filepath.Join(t.TempDir(), "none"), "no such file"},
		"a folder":                {t.TempDir(), "is no file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, err := call(t, "plugin", "verify", row[0]); err == nil || !strings.Contains(err.Error(), row[1]) || out != "" {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
