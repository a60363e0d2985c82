//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheProgramEndsWellBySignals runs the program itself, set up by its
// environment.
func TestTheProgramEndsWellBySignals(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"interrupt": syscall.SIGINT, "terminate": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var out text
			p := command(t, &out, []string{"serve", "--trust-headers", "--files", dir}, "ADDR=127.0.0.1:0", "DATABASE_URL=sqlite:"+filepath.Join(dir, "env.db"))
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); !strings.Contains(out.String(), "listens on 127.0.0.1:"); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					p.Process.Kill()
					t.Fatal(out.String())
				}
			}
			if err := p.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := p.Wait(); err != nil {
				t.Errorf("%v\n%s", err, &out)
			}
			if _, err := os.Stat(filepath.Join(dir, "env.db")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheProgramFailsByItsExitCode(t *testing.T) {
	t.Parallel()
	for want, row := range map[string][]string{ // arguments, then one variable
		"hookdesk: a caller is whoever": {"serve", ""},
		"HOOKDESK_SECRET must be":       {"serve", "--trust-headers", "HOOKDESK_SECRET=short"},
		"unexpected argument nonsense":  {"nonsense", ""},
		"open database":                 {"migrate", "DATABASE_URL=sqlite:/nowhere/desk.db"},
	} {
		var out text
		last := len(row) - 1
		err := command(t, &out, row[:last], row[last]).Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.Contains(out.String(), want) {
			t.Errorf("%v: %v\n%s", row, err, &out)
		}
	}
}

// command is the program with some variables in its environment.
func command(t *testing.T, out *text, args []string, env ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // one that serves instead of failing is killed
	t.Cleanup(cancel)
	p := exec.CommandContext(ctx, os.Args[0], args...)
	p.Dir = t.TempDir()
	p.Env = append(os.Environ(), append(env, asCommand+"=1")...)
	p.Stdout, p.Stderr = out, out
	return p
}
