package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/examples/external-plugin-go/classify"
	"github.com/hookdesk/hookdesk/internal/pgtest"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

// asCommand lets the test binary be the program, for what needs a process.
const asCommand = "HOOKDESK_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(protocol.Handshake().MagicCookieKey) != "" {
		sdk.Serve(classify.New()) // a desk runs the test binary as a plugin
		return
	}
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// databases give the DSN of an empty database of each kind.
var databases = map[string]func(testing.TB) string{
	"sqlite":   file,
	"postgres": pgtest.New,
}

func file(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "desk.db")
}

// text is what a command prints, to be read while it runs.
type text struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *text) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *text) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// call runs a command that ends by itself; one that serves instead is stopped.
func call(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out text
	err := run(ctx, args, output{&out, t.Output()})
	return out.String(), err
}

// program is a command that serves.
type program struct {
	t     *testing.T
	out   text
	base  string // of the desk
	end   context.CancelFunc
	ended chan error
}

var address = regexp.MustCompile(`http://\S+/api/docs`)

// start runs a command until it says where it listens. It is stopped, and must
// have stopped well, when t ends.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	p := &program{t: t, end: end, ended: make(chan error, 1)}
	go func() { p.ended <- run(ctx, append(args, "--addr", "127.0.0.1:0"), output{&p.out, t.Output()}) }()
	t.Cleanup(p.stop)
	for deadline := time.Now().Add(time.Minute); !strings.Contains(p.out.String(), "istens on") && !strings.Contains(p.out.String(), "istening on"); {
		select {
		case err := <-p.ended:
			p.ended <- nil
			t.Fatalf("%v ended with: %v\n%s", args, err, &p.out)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v does not listen:\n%s", args, &p.out)
		}
	}
	p.base = strings.TrimSuffix(address.FindString(p.out.String()), "/api/docs")
	return p
}

// stop ends the command once, and waits for it.
func (p *program) stop() {
	p.t.Helper()
	p.end()
	select {
	case err := <-p.ended:
		p.ended <- nil
		if err != nil {
			p.t.Errorf("it ended with: %v", err)
		}
	case <-time.After(20 * time.Second):
		p.t.Error("it does not stop")
	}
}

// who is the headers of a caller.
type who map[string]string

var (
	carla  = who{"X-User": "carla.berg"}
	chloe  = who{"X-User": "chloe", "X-Agent": "true"}
	xenia  = who{"X-User": "xenia", "X-Admin": "true"}
	nobody = who{}
)

// do sends a request such as "GET /api/tickets" and returns what answers.
func (p *program) do(as who, route, body string) (int, string) {
	p.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	r, err := http.NewRequest(method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range as {
		r.Header.Set(name, value)
	}
	return p.send(r)
}

// send has no deadline but that of the tests.
func (p *program) send(r *http.Request) (int, string) {
	p.t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(content)
}

// want sends a request and fails the test on another code.
func (p *program) want(code int, as who, route, body string) string {
	p.t.Helper()
	got, answer := p.do(as, route, body)
	if got != code {
		p.t.Fatalf("%s by %v: %d, not %d\n%s", route, as, got, code, answer)
	}
	return answer
}

// read is want for a 200 whose JSON goes into v.
func (p *program) read(as who, path string, v any) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.want(200, as, "GET "+path, "")), v); err != nil {
		p.t.Fatal(err)
	}
}

type page struct {
	Total   int
	Tickets []struct {
		ID      int64
		Subject string
		Status  string
		Merged  *int64 `json:"merged_into_id"`
		Extras  map[string]any
	}
}

// count asks for the number of tickets of a list.
func (p *program) count(as who, query string) int {
	p.t.Helper()
	var answer page
	p.read(as, "/api/tickets?count=true&limit=1&"+query, &answer)
	return answer.Total
}
