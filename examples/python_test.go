package examples_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/external"
)

const python = "/usr/bin/python3" // another one in PATH may have no gRPC

// inPython runs the interpreter, which has to go well.
func inPython(t *testing.T, args ...string) {
	t.Helper()
	run := exec.CommandContext(t.Context(), python, args...)
	run.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", python, args, err, out)
	}
}

// masking is the plugin in Python as one file.
func masking(t *testing.T) string {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), python, "-c", "import grpc, google.protobuf").CombinedOutput(); err != nil {
		if _, none := exec.LookPath("apt-get"); none != nil {
			t.Skipf("%s has no gRPC, and there is no apt-get to install it: %v\n%s", python, err, out)
		}
		t.Fatalf("%s has no gRPC; scripts/python.sh installs it: %v\n%s", python, err, out)
	}
	file := filepath.Join(t.TempDir(), "mask")
	inPython(t, "-m", "zipapp", "external-plugin-python/mask", "-p", python, "-o", file)
	return file
}

// asPlugin is that file as a plugin of a desk.
func asPlugin(t *testing.T, file string, grant ...string) *external.Plugin {
	t.Helper()
	dir, err := os.MkdirTemp("", "x") //nolint:usetesting // whose names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	// Python takes longer to start and, on a busy machine, to answer than what is compiled.
	return external.New(file, external.Plaintext(), external.Dir(dir), external.Grant(grant...), external.Deadlines(5*time.Second, 0, 0))
}

func TestThePluginInPythonKnowsWhatASecretIs(t *testing.T) {
	t.Parallel()
	masking(t)
	inPython(t, "-m", "unittest", "discover", "external-plugin-python/mask")
}

func TestAPluginInPythonNeedsNothingButTheProtocol(t *testing.T) {
	t.Parallel()
	file := masking(t)
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, asPlugin(t, file, "tickets:read", "tickets:write"))
		open := func(subject, body string) (made core.Ticket, all string) {
			t.Helper()
			d.Do(desktest.Customer, "POST /api/tickets", map[string]any{"subject": subject, "body": body}).Want(201).JSON(&made)
			d.Settle()
			return made, string(d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets/%d", made.ID), nil).Want(200).Body)
		}
		made, all := open("Login", "My password: hunter2, my card 4111 1111 1111 1111.")
		if strings.Contains(all, "hunter2") || strings.Contains(all, "4111") || !strings.Contains(all, "My password: [masked]") {
			t.Errorf("it is kept: %s", all)
		}
		if strings.Count(all, `"author":{"kind":"plugin","name":"plugin"},"channel":"api","body":"A secret was masked."`) != 1 {
			t.Errorf("the agents were not told once: %s", all)
		}
		if _, all := open("Hello", "Nothing to hide."); strings.Contains(all, "masked") {
			t.Errorf("told of nothing: %s", all)
		}
		reply := map[string]any{"body": "pin is 1234"}
		d.Do(desktest.Customer, fmt.Sprintf("POST /api/tickets/%d/replies", made.ID), reply).Want(201)
		if all := string(d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets/%d", made.ID), nil).Body); strings.Contains(all, "1234") {
			t.Errorf("a reply is kept: %s", all)
		}

		if got := string(d.Do(desktest.Agent, "GET /api/mask/count", nil).Want(200).Body); got != `{"tickets": 1}` {
			t.Errorf("the route answers %s", got)
		}
		d.Do(desktest.Customer, "GET /api/mask/count", nil).Want(403)

		d.Do(desktest.Admin, "PUT /api/settings/mask", map[string]any{"value": map[string]any{"words": []string{"code"}, "cards": false, "note": "long"}}).Want(200)
		var last string
		for range 100 {
			if _, last = open("Login", "code: 99 password: 77"); strings.Contains(last, "code: [masked] password: 77") {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if !strings.Contains(last, "code: [masked] password: 77") || !strings.Contains(last, "ask for a new one to be set") {
			t.Errorf("the settings have no effect: %s", last)
		}
		d.Do(desktest.Admin, "PUT /api/settings/mask", map[string]any{"value": map[string]any{"words": []string{}, "cards": false, "note": "loud"}}).Want(422)
	})
}
