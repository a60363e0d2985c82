package rest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/hookdesk/hookdesk/rest"
)

// Requests, switches and registrations at once: for -race.
func TestSwitchWhileServing(t *testing.T) {
	table, h := newTable(t, options()), chi.NewRouter()
	h.Route("/support", func(r chi.Router) { mountChi(r, table) })
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 40 {
				table.Owner("snooze").Switch(i%2 == 0)
				if res, _ := do(h, "agent DELETE /support/api/tickets/7/snooze"); res.StatusCode != 204 && res.StatusCode != 404 {
					t.Error(res.StatusCode)
				}
				if res, _ := do(h, "agent GET /support/api/tickets?snoozed=true"); res.StatusCode != 200 && res.StatusCode != 422 {
					t.Error(res.StatusCode)
				}
				do(h, "nobody GET /support/api/openapi.json")
				do(h, "nobody POST /support/api/tickets/7/snooze")
				o := table.Owner(fmt.Sprint("late", worker, i))
				o.Use(func(next http.Handler) http.Handler { return next })
				o.Handle(fmt.Sprintf("GET /api/late/%d/%d", worker, i), rest.Public, rest.JSON(say[struct{}]))
				o.Query("GET /api/tickets", fmt.Sprint("late", worker), 1, "")
				o.Remove()
			}
		})
	}
	wg.Wait()
	if err := table.Err(); err != nil {
		t.Error(err)
	}
}

// Over real connections: a stream flushes, HEAD has no body, an oversized body
// is refused, and what fails half way is cut.
func TestRealConnections(t *testing.T) {
	for name, h := range hosts(t) {
		srv := httptest.NewServer(h)
		srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
		for _, c := range []struct {
			method, path, body string
			code, length       int
		}{
			{"GET", "/support/api/snoozes/stream", "", 200, 32},
			{"HEAD", "/support/api/snoozes", "", 200, 0},
			{"HEAD", "/support/api/snoozes/stream", "", 200, 0},
			{"PUT", "/support/api/tickets/7/snooze", strings.Repeat(" ", 1<<20+1), 413, -1},
			{"POST", "/support/api/snoozes/hook", "a=1&b", 200, 11},
			{"GET", "/support/plugins/snooze/%2e%2e/x", "", 200, 10},
			{"GET", "/support/api/snoozes/stream?die=true", "", 200, -2},
			{"GET", "/support/api/snoozes/stream?early=true", "", 500, -1},
			{"GET", "/support/plugins/snooze/x?panic", "", 500, -1},
		} {
			r, err := http.NewRequest(c.method, srv.URL+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("As", "admin")
			if r.Header.Set("Content-Type", "application/json"); c.body == "" {
				r.Header.Del("Content-Type")
			}
			res, err := srv.Client().Do(r)
			if err != nil {
				t.Errorf("%s %s: %v", name, c.path, err)
				continue
			}
			text, err := io.ReadAll(res.Body)
			_ = res.Body.Close() // only read
			if res.StatusCode != c.code || c.length >= 0 && len(text) != c.length || (err != nil) != (c.length == -2) {
				t.Errorf("%s %s %s: %d %q %v", name, c.method, c.path, res.StatusCode, text, err)
			}
			if c.code == 413 && !res.Close {
				t.Errorf("%s: an oversized body leaves the connection open", name)
			}
		}
		srv.Close()
	}
}

func TestAFlushReachesTheClientBeforeTheEnd(t *testing.T) {
	table, wait := rest.New(options()), make(chan struct{})
	table.Owner("p").Handle("GET /s", rest.Public, rest.Func(func(w http.ResponseWriter, _ *http.Request) error {
		fmt.Fprint(w, "first")
		w.(http.Flusher).Flush()
		<-wait
		return nil
	}))
	srv := httptest.NewServer(muxHandler("", table))
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL + "/s")
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 5)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "first" {
		t.Error(string(first), err)
	}
	close(wait)
	_ = res.Body.Close() // only read
}

func TestAnswerToAFloodOfErrorsIsSmall(t *testing.T) {
	h := muxHandler("", newTable(t, options()))
	keys := []string{}
	for i := range 1 << 16 {
		keys = append(keys, fmt.Sprintf(`"k%d":0`, i))
	}
	long := `"` + strings.Repeat("k", 900_000) + `":0`
	for _, body := range []string{
		"{" + strings.Join(keys, ",") + "}", `{"repeat":{` + strings.Join(keys, ",") + `}}`, "{" + long + "}",
		`{"reason":"` + strings.Repeat("x", 900_000) + `"}`,
	} {
		if res, text := do(h, "agent PUT /api/tickets/7/snooze json "+body); res.StatusCode != 422 || len(text) > 4096 {
			t.Error(res.StatusCode, len(text))
		}
	}
}

func TestOtherSitesMayNotWrite(t *testing.T) {
	h := muxHandler("", newTable(t, options()))
	for name, c := range map[string]struct {
		line, site, origin string
		code               int
	}{
		"a program writes":                   {"agent DELETE /api/tickets/7/snooze", "", "", 204},
		"the same site writes":               {"agent DELETE /api/tickets/7/snooze", "same-origin", "http://example.com", 204},
		"another site is refused":            {"agent DELETE /api/tickets/7/snooze", "cross-site", "https://evil.example", 403},
		"another site in an old browser too": {"agent DELETE /api/tickets/7/snooze", "", "https://evil.example", 403},
		"a trusted site writes":              {"agent DELETE /api/tickets/7/snooze", "cross-site", "https://shop.example", 204},
		"another site may ask":               {"agent GET /api/snoozes", "cross-site", "https://evil.example", 200},
		"a row for any origin":               {"nobody POST /api/snoozes/hook a/b x", "cross-site", "https://evil.example", 200},
		"a raw row without that":             {"nobody POST /plugins/snooze/x", "cross-site", "https://evil.example", 403},
	} {
		r := request(c.line)
		r.Header.Set("Sec-Fetch-Site", c.site)
		r.Header.Set("Origin", c.origin)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.code || w.Code == 403 && !strings.Contains(w.Body.String(), "not from another site") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// logged is a table whose log can be read.
func logged(t *testing.T) (*rest.Table, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	opts := options()
	opts.Log = slog.New(slog.NewTextHandler(&log, nil))
	return newTable(t, opts), &log
}

func TestWhatIsLogged(t *testing.T) {
	table, log := logged(t)
	boom := func(err error) rest.Func { return func(http.ResponseWriter, *http.Request) error { return err } }
	o := table.Owner("bad")
	o.Handle("GET /gone", rest.Public, boom(fmt.Errorf("query: %w", context.Canceled)))
	o.Handle("GET /fault", rest.Public, boom(&rest.Error{Kind: rest.Fault, Message: "secret"}))
	o.Handle("GET /kindless", rest.Public, boom(&rest.Error{Message: "secret"}))
	o.Handle("GET /changes", rest.Public, boom(&rest.Error{Kind: rest.Conflict, Message: "m", Changes: make(chan int)}))
	h := muxHandler("", table)
	for line, c := range map[string]struct {
		code       int
		body, want string
	}{
		`guest POST /api/tickets json {"subject":"driver"}`: {500, "internal error", "level=ERROR msg=\"route failed\" owner=core route=\"POST /api/tickets\" err=\"pq: relation"},
		"agent DELETE /api/tickets/500/snooze":              {500, "internal error", "owner=snooze route=\"DELETE /api/tickets/{id}/snooze\" err=\"panic: a bug"},
		"broken GET /api/tickets":                           {401, "sign in first", "msg=\"identify failed\" owner=core route=\"GET /api/tickets\" err=\"dial tcp"},
		"panicking GET /api/tickets":                        {401, "sign in first", "a bug of the host"},
		"busy GET /api/tickets":                             {503, "the directory is down", ""},
		"nobody GET /fault":                                 {500, "internal error", "err=secret"},
		"nobody GET /kindless":                              {500, "internal error", "err=secret"},
		"nobody GET /changes":                               {409, `"detail":"m"`, "changes have no form in JSON"},
		"nobody GET /gone":                                  {500, "internal error", "level=ERROR"}, // cancelled by somebody else
		"agent DELETE /api/tickets/404/snooze":              {404, "no ticket 404", ""},
	} {
		log.Reset()
		res, text := do(h, line)
		if res.StatusCode != c.code || !strings.Contains(text, c.body) || strings.Contains(text, "secret") || strings.Contains(text, "pq") {
			t.Errorf("%s: %d %s", line, res.StatusCode, text)
		}
		if !strings.Contains(log.String(), c.want) || c.want == "" && log.Len() > 0 {
			t.Errorf("%s: logged %s", line, log)
		}
	}
	log.Reset()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), request("nobody GET /gone").WithContext(ctx))
	if strings.Contains(log.String(), "ERROR") {
		t.Errorf("a caller who went away is logged as an error: %s", log)
	}
}

func TestMiddlewareOfPlugins(t *testing.T) {
	table, log := logged(t)
	wraps := 0
	note := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			wraps++
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("Order", name)
				switch r.Header.Get("Do") {
				case name + " panics":
					panic("a bug of " + name)
				case name + " panics late":
					next.ServeHTTP(w, r)
					panic("a bug of " + name)
				case name + " refuses":
					w.WriteHeader(http.StatusTeapot)
					return
				case name + " forgets":
					r = r.WithContext(context.Background())
				}
				next.ServeHTTP(w, r)
			})
		}
	}
	table.Owner("a").Use(note("a"))
	table.Owner("b").Use(note("b"))
	table.Owner("a").Use(note("c"))
	h := muxHandler("", table)
	ask := func(what string) (code int, order, text string) {
		log.Reset()
		r, w := request("agent GET /api/snoozes"), httptest.NewRecorder()
		r.Header.Set("Do", what)
		if serve(h, w, r) {
			return w.Code, "cut", w.Body.String()
		}
		return w.Code, strings.Join(w.Header().Values("Order"), ""), w.Body.String()
	}
	for what, want := range map[string]string{
		"nothing": "200 abc", "b refuses": "418 ab", "b panics": "500 ab", "b panics late": "200 cut", "b forgets": "500 abc",
	} {
		code, order, text := ask(what)
		if got := fmt.Sprint(code, " ", order); got != want {
			t.Errorf("%s: %s, want %s: %s", what, got, want, text)
		}
		if strings.Contains(what, "panics") && !strings.Contains(log.String(), "owner=b ") {
			t.Errorf("%s: logged %s", what, log)
		}
		if code == 500 && !strings.Contains(text, "internal error") {
			t.Errorf("%s: %s", what, text)
		}
	}
	table.Owner("b").Switch(false)
	if code, order, _ := ask("b panics"); code != 200 || order != "ac" {
		t.Error("off:", code, order)
	}
	table.Owner("b").Switch(true)
	table.Owner("a").Remove()
	if code, order, _ := ask("nothing"); code != 200 || order != "b" {
		t.Error("removed:", code, order)
	}
	if wraps != 3 {
		t.Errorf("middleware was built %d times, want once each", wraps)
	}
}

func TestAWriterKeepsItsPowers(t *testing.T) {
	table := rest.New(options())
	table.Owner("p").Handle("GET /hijack", rest.Public, rest.Func(func(w http.ResponseWriter, _ *http.Request) error {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		fmt.Fprint(rw, "HTTP/1.1 299 Mine\r\nContent-Length: 2\r\n\r\nhi")
		return errors.Join(rw.Flush(), conn.Close())
	}))
	table.Owner("p").Handle("GET /copy", rest.Public, rest.Func(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusEarlyHints) // not yet the answer
		if _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("copied")); err != nil {
			return err
		}
		return errors.New("half way")
	}))
	table.Owner("p").Handle("GET /hint", rest.Public, rest.Func(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusEarlyHints)
		return rest.Errorf(rest.NotFound, "nothing here")
	}))
	srv := httptest.NewServer(muxHandler("", table))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	defer srv.Close()
	if res, err := srv.Client().Get(srv.URL + "/hint"); err != nil || res.StatusCode != 404 {
		t.Error("a hint is not yet an answer:", res, err)
	}
	if res, err := srv.Client().Get(srv.URL + "/hijack"); err != nil || res.StatusCode != 299 {
		t.Error(res, err)
	}
	if res, err := srv.Client().Get(srv.URL + "/copy"); err == nil {
		if text, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("not cut: %q", text)
		}
	}
	if res, text := do(muxHandler("", table), "nobody GET /hijack"); res.StatusCode != 500 {
		t.Error("a failed hijack has not begun the answer:", res.StatusCode, text)
	}
}

func TestACallerThatIsANilPointerIsNobody(t *testing.T) {
	opts := options()
	opts.Identify = func(r *http.Request) (context.Context, rest.Caller, error) { return r.Context(), (*person)(nil), nil }
	h := muxHandler("", newTable(t, opts))
	for line, code := range map[string]int{"x GET /plugins/snooze/x": 200, "x GET /api/snoozes": 401} {
		if res, text := do(h, line); res.StatusCode != code {
			t.Errorf("%s: %d %s", line, res.StatusCode, text)
		}
	}
}

func TestATableWithoutOptionsServesThePublic(t *testing.T) {
	table := rest.New(rest.Options{Log: slog.New(slog.DiscardHandler)})
	table.Owner("a").Handle("GET /open", rest.Public, rest.JSON(say[struct{}]))
	table.Owner("a").Handle("GET /closed", rest.Guests, rest.JSON(say[struct{}]))
	table.Owner("a").Handle("GET /right", rest.Public.Needing("a").Needing("b"), rest.JSON(say[struct{}]))
	for line, code := range map[string]int{"x GET /open": 204, "x GET /closed": 401, "x GET /right": 401} {
		if res, text := do(muxHandler("", table), line); res.StatusCode != code {
			t.Errorf("%s: %d %s", line, res.StatusCode, text)
		}
	}
}
