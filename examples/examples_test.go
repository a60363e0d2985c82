// Package examples_test builds each example, runs it as a stranger would, and
// walks through it over HTTP.
package examples_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// step is a request and what its answer is like.
type step struct {
	by      string // customer, stranger, agent, admin, or nobody
	request string
	body    string
	status  int
	says    string
	hides   string
}

// walk is what every host has to offer.
func walk() []step {
	return []step{
		{by: "nobody", request: "GET /", status: 200, says: "the host's own page"},
		{by: "nobody", request: "GET /support/api/tickets", status: 401},
		{by: "customer", request: "POST /support/api/tickets", body: `{"subject":"Printer","body":"It burns."}`, status: 201, says: `"reference":"HD-1"`},
		{by: "stranger", request: "GET /support/api/tickets/1", status: 404},
		{by: "agent", request: "POST /support/api/tickets/1/replies", body: `{"body":"Pull the plug."}`, status: 201, says: `"id":2`},
		{by: "agent", request: "POST /support/api/tickets/1/replies", body: `{"body":"Not again!","internal":true}`, status: 201},
		{by: "agent", request: "GET /support/api/tickets/1", status: 200, says: "Not again!"},
		{by: "customer", request: "GET /support/api/tickets/1", status: 200, says: "Pull the plug.", hides: "Not again!"},
		{by: "agent", request: "POST /support/api/tickets/1/assign", body: `{"assignee":"me"}`, status: 200},
		{by: "agent", request: "GET /support/api/tickets?assignee=me", status: 200, says: "Printer"},
		{by: "customer", request: "POST /support/api/tags", body: `{"name":"Fire"}`, status: 403},
		{by: "admin", request: "POST /support/api/tags", body: `{"name":"Fire"}`, status: 201},
		{by: "agent", request: "POST /support/api/tickets/1/tags", body: `{"tags":["fire"]}`, status: 200, says: `"slug":"fire"`},
		{by: "agent", request: "POST /support/api/tickets/1/split", body: `{"reply_id":2,"subject":"Plug"}`, status: 201, says: `"reference":"HD-2"`},
		{by: "agent", request: "POST /support/api/tickets/1/merge", body: `{"sources":[2]}`, status: 200},
		{by: "agent", request: "GET /support/api/tickets/2", status: 200, says: `"merged_into_id":1`},
		{by: "agent", request: "POST /support/api/tickets/2/unmerge", status: 200, says: `"merged_into_id":null`},
		{by: "agent", request: "PUT /support/api/tickets/1/snooze", body: `{"preset":"1h"}`, status: 200},
		{by: "agent", request: "GET /support/api/tickets", status: 200, says: "Plug", hides: "Printer"},
		{by: "customer", request: "GET /support/api/tickets", status: 200, says: "Printer"},
		{by: "agent", request: "DELETE /support/api/tickets/1/snooze", status: 204},
		{by: "agent", request: "GET /support/api/tickets", status: 200, says: "Printer"},
	}
}

// refusals are what the plugin of custom-plugin adds.
func refusals() []step {
	return []step{
		{by: "customer", request: "POST /support/api/tickets", body: `{"subject":"Darn","body":"That thing!"}`, status: 422, says: `without the word \"darn\"`},
		{by: "agent", request: "GET /support/api/tickets/1", status: 200, says: `"blocklist":{"hits":0}`},
		{by: "customer", request: "POST /support/api/tickets/1/replies", body: `{"body":"Oh heck."}`, status: 201},
	}
}

func TestExamples(t *testing.T) {
	t.Parallel()
	programs := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", programs, "./minimal", "./chi-postgres", "./bunrouter", "./custom-plugin")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, own := range map[string][]step{"minimal": nil, "chi-postgres": nil, "bunrouter": nil, "custom-plugin": refusals()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for database, dsn := range map[string]string{"sqlite": "sqlite:desk.db", "postgres": pgtest.New(t)} {
				t.Run(database, func(t *testing.T) {
					t.Parallel()
					h := start(t, filepath.Join(programs, name), dsn)
					for _, s := range append(walk(), own...) {
						h.want(s)
					}
					if own != nil { // what happens after a commit takes a moment
						h.wait(step{by: "agent", request: "GET /support/api/tickets/1", status: 200, says: `the forbidden word \"heck\"`})
						h.want(step{by: "agent", request: "GET /support/api/tickets/1", status: 200, says: `"blocklist":{"hits":1,"last":"heck"}`})
					}
					h.stop()
				})
			}
		})
	}
}

// host is an example that runs.
type host struct {
	t       *testing.T
	url     string
	program *exec.Cmd
	log     *strings.Builder
}

const patience = 20 * time.Second

func start(t *testing.T, program, dsn string) *host {
	t.Helper()
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, url: "http://" + addr, program: exec.CommandContext(t.Context(), program), log: &strings.Builder{}}
	h.program.Dir, h.program.Stdout, h.program.Stderr = t.TempDir(), h.log, h.log
	h.program.Env = append(h.program.Environ(), "ADDR="+addr, "DATABASE_URL="+dsn)
	if err := h.program.Start(); err != nil {
		t.Fatal(err)
	}
	h.wait(step{by: "nobody", request: "GET /support/api/health", status: 200})
	return h
}

// stop ends the program as a service manager does.
func (h *host) stop() {
	h.t.Helper()
	if err := h.program.Process.Signal(syscall.SIGTERM); err != nil {
		h.t.Fatal(err)
	}
	kill := time.AfterFunc(patience, func() { _ = h.program.Process.Kill() }) // Wait tells
	defer kill.Stop()
	if err := h.program.Wait(); err != nil {
		h.t.Errorf("after SIGTERM: %v\n%s", err, h.log)
	}
	if !strings.Contains(h.log.String(), "whoever they say they are") {
		h.t.Errorf("it does not say that it believes everybody:\n%s", h.log)
	}
}

func (h *host) want(s step) {
	h.t.Helper()
	if wrong := h.try(s); wrong != "" {
		h.t.Fatal(wrong)
	}
}

// wait is want with patience.
func (h *host) wait(s step) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	for wrong := h.try(s); wrong != ""; wrong = h.try(s) {
		select {
		case <-ctx.Done():
			h.t.Fatal(wrong)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// try makes the request and says what is wrong with the answer.
func (h *host) try(s step) string {
	h.t.Helper()
	method, path, _ := strings.Cut(s.request, " ")
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(s.body))
	if err != nil {
		h.t.Fatal(err)
	}
	if s.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.by != "nobody" {
		r.Header.Set("X-User", s.by)
		r.Header.Set("X-"+strings.ToUpper(s.by[:1])+s.by[1:], "true") // X-Agent, X-Admin; others mean nothing
	}
	client := http.Client{Timeout: patience}
	answer, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	if answer.StatusCode != s.status || !strings.Contains(string(body), s.says) || s.hides != "" && strings.Contains(string(body), s.hides) {
		return s.by + " " + s.request + ": " + answer.Status + " " + string(body)
	}
	return ""
}
