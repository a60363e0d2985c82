package rest_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/uptrace/bunrouter"

	"github.com/hookdesk/hookdesk/rest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// host is a program with a desk below /support, a catch-all page and a
// middleware that notes the pattern of its own router.
type host struct {
	http.Handler
	table *rest.Table
	seen  string
}

func hosts(t testing.TB) map[string]*host {
	t.Helper()
	own := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the host's page") }
	all := map[string]*host{}
	for _, name := range []string{"nethttp", "chi", "bunrouter", "plain"} {
		all[name] = &host{table: newTable(t, options())}
	}

	h, mux := all["nethttp"], http.NewServeMux()
	mux.HandleFunc("GET /", own)
	mountMux(mux, "/support", h.table)
	all["nethttp"].Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		h.seen = r.Pattern
	})

	c, router := all["chi"], chi.NewRouter()
	router.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			c.seen = chi.RouteContext(r.Context()).RoutePattern()
		})
	})
	router.Get("/*", own)
	router.Route("/support", func(r chi.Router) { mountChi(r, c.table) })
	c.Handler = router

	b := all["bunrouter"]
	bun := bunrouter.New(bunrouter.WithMiddleware(func(next bunrouter.HandlerFunc) bunrouter.HandlerFunc {
		return func(w http.ResponseWriter, req bunrouter.Request) error {
			b.seen = req.Route()
			return next(w, req)
		}
	}))
	bun.GET("/*path", bunrouter.HTTPHandlerFunc(own))
	mountBun(bun.NewGroup("/support"), b.table)
	b.Handler = bun

	desk := muxHandler("/support", all["plain"].table)
	all["plain"].Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/support/") {
			own(w, r)
			return
		}
		desk.ServeHTTP(w, r)
	})
	return all
}

// request makes one of a line "person METHOD path [content-type] [body]".
func request(line string) *http.Request {
	f := strings.SplitN(line, " ", 5)
	for len(f) < 5 {
		f = append(f, "")
	}
	body := strings.NewReplacer(`\xff`, "\xff", "BIG", strings.Repeat(" ", 2<<20), "DEEP", strings.Repeat("[", 65)+strings.Repeat("]", 65)).Replace(f[4])
	r := httptest.NewRequest(f[1], f[2], strings.NewReader(body))
	r.Header.Set("As", f[0])
	if f[3] == "json" {
		f[3] = "application/json"
	}
	if f[3] != "" {
		r.Header.Set("Content-Type", f[3])
	}
	return r
}

func do(h http.Handler, line string) (*http.Response, string) {
	w := httptest.NewRecorder()
	cut := serve(h, w, request(line))
	text, _ := io.ReadAll(w.Result().Body) // of a recorder: cannot fail
	if cut {
		text = append(text, "\n(cut)"...)
	}
	return w.Result(), string(text)
}

// serve tells whether the handler cut the connection.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (cut bool) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler { //nolint:errorlint // a panic's value, not an error that came back
				panic(p)
			}
			cut = true
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

func transcript(t *testing.T, h *host) string {
	t.Helper()
	script, err := os.ReadFile("testdata/script.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for line := range strings.Lines(string(script)) {
		line = strings.TrimSuffix(line, "\n")
		fmt.Fprintf(&out, "> %s\n", line)
		if verb, id, ok := strings.Cut(line, " "); ok && strings.HasPrefix(verb, "switch-") {
			h.table.Owner(id).Switch(verb == "switch-on")
			continue
		}
		res, text := do(h, line)
		fmt.Fprint(&out, res.StatusCode)
		for _, name := range []string{"Content-Type", "Content-Length", "Allow", "Etag", "Retry-After", "Cache-Control", "X-Content-Type-Options", "Audited"} {
			if v := res.Header.Get(name); v != "" {
				fmt.Fprintf(&out, " %s=%s", name, v)
			}
		}
		switch {
		case res.StatusCode == 200 && strings.Contains(line, "openapi"):
			text = fmt.Sprintf("%d rows, snooze %v, server %v", strings.Count(text, "operationId"),
				strings.Contains(text, "snooze"), strings.Contains(text, `[{"url":"/support"}]`))
		case res.StatusCode == 200 && strings.Contains(line, "docs"):
			text = fmt.Sprintf("%d rows", strings.Count(text, "What it answers"))
		}
		fmt.Fprintf(&out, "\n%s\n", text)
		if res.StatusCode/100 == 2 && request(line).Method != "HEAD" {
			check(t, h, line, text)
		}
	}
	return out.String()
}

// check holds an answer against what the row promises.
func check(t *testing.T, h *host, line, body string) {
	t.Helper()
	r := request(line)
	path, ok := strings.CutPrefix(r.RequestURI, "/support")
	rt := h.table.Match(r.Method, path)
	if !ok {
		return
	}
	if rt == nil {
		t.Errorf("%s: no row", line)
	} else if err := rt.CheckAnswer([]byte(body)); err != nil {
		t.Errorf("%s: %v", line, err)
	}
}

func golden(t *testing.T, file, got string, write bool) {
	t.Helper()
	file = "testdata/" + file
	if *update && write {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	t.Errorf("%s: %d lines, want %d", file, len(g), len(w))
	step := ""
	for i := range min(len(g), len(w)) {
		if strings.HasPrefix(g[i], ">") {
			step = g[i]
		}
		if g[i] != w[i] {
			t.Errorf("line %d after %s\n got %s\nwant %s", i+1, step, g[i], w[i])
		}
	}
}

func TestEveryRouterTellsTheSameStory(t *testing.T) {
	all := hosts(t)
	for _, name := range []string{"nethttp", "chi", "bunrouter", "plain"} {
		t.Run(name, func(t *testing.T) {
			golden(t, "golden.txt", transcript(t, all[name]), name == "nethttp")
		})
	}
}

func TestTheHostSeesItsOwnPatterns(t *testing.T) {
	want := map[string]string{
		"nethttp": "PUT /support/api/tickets/{id}/snooze", "chi": "/support/api/tickets/{id}/snooze",
		"bunrouter": "/support/api/tickets/:id/snooze", "plain": "",
	}
	for name, h := range hosts(t) {
		do(h, `agent PUT /support/api/tickets/7/snooze json {"until":"2026-12-01T00:00:00Z"}`)
		if h.seen != want[name] {
			t.Errorf("%s: the host's middleware saw %q, want %q", name, h.seen, want[name])
		}
	}
}

func TestRoutesAndTheirPolicies(t *testing.T) {
	golden(t, "routes.txt", newTable(t, options()).List(), true)
}
