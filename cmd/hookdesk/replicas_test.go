//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// replica is a server in a process of its own.
type replica struct {
	cmd  *exec.Cmd
	base string
}

func serveAt(t *testing.T, dsn string) *replica {
	t.Helper()
	var out text
	cmd := command(t, &out, []string{"serve", "--trust-headers", "--files", t.TempDir()}, "ADDR=127.0.0.1:0", "DATABASE_URL="+dsn)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	says := regexp.MustCompile(`described at (http://\S+)/api/docs`)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if found := says.FindStringSubmatch(out.String()); found != nil {
			return &replica{cmd, found[1]}
		}
		if time.Now().After(deadline) {
			t.Fatal(out.String())
		}
	}
}

func (s *replica) do(t *testing.T, method, path, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(userHeader, "anna")
	r.Header.Set(agentHeader, "true")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if strings.HasSuffix(path, "/events") {
		r.Header.Set("Accept", "text/event-stream")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (s *replica) ask(t *testing.T, subject string) {
	t.Helper()
	res := s.do(t, http.MethodPost, "/api/tickets", fmt.Sprintf(`{"subject": %q, "body": "x"}`, subject))
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", subject, res.Status)
	}
}

// Two servers work on one PostgreSQL. One is killed in the middle of its work; a
// browser at the other one is told of everything that anybody was promised.
func TestAServerThatIsKilledIsMadeUpFor(t *testing.T) {
	t.Parallel()
	dsn := databases["postgres"](t)
	one, two := serveAt(t, dsn), serveAt(t, dsn)
	stream := two.do(t, http.MethodGet, "/api/events", "")
	t.Cleanup(func() { stream.Body.Close() })
	told := make(chan string, 100)
	go func() {
		for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
			var item struct {
				Type string
				Data struct{ Ticket struct{ Subject string } }
			}
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(text), &item) == nil && item.Type == "ticket.created" {
				told <- item.Data.Ticket.Subject
			}
		}
	}()
	var want []string
	for i := range 20 {
		from := []*replica{one, two}[i%2]
		if i == 11 {
			one.cmd.Process.Kill()
		}
		if i >= 11 {
			from = two
		}
		want = append(want, fmt.Sprint("ticket ", i))
		from.ask(t, want[i])
	}
	for _, subject := range want {
		select {
		case got := <-told:
			if got != subject {
				t.Fatalf("told of %q, want %q", got, subject)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("not told of %q", subject)
		}
	}
}
