package adapters_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	gochi "github.com/go-chi/chi/v5"
	"github.com/jonboulle/clockwork"
	gobun "github.com/uptrace/bunrouter"

	"github.com/hookdesk/hookdesk/adapters/bunrouter"
	"github.com/hookdesk/hookdesk/adapters/chi"
	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/internal/pgtest"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

var update = flag.Bool("update", false, "write the golden transcript anew")

// mounts puts a desk below /help/desk of a host that has a page for every
// other address and middleware of its own.
var mounts = map[string]func(*core.Desk) http.Handler{
	"nethttp": func(d *core.Desk) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /", hostPage)
		nethttp.Mount(mux, "/help/desk", d)
		return marked(mux)
	},
	"chi": func(d *core.Desk) http.Handler {
		r := gochi.NewRouter()
		r.Use(marked)
		r.Get("/*", hostPage)
		r.Route("/help/desk", func(r gochi.Router) { chi.Mount(r, d) })
		return r
	},
	"bunrouter": func(d *core.Desk) http.Handler {
		r := gobun.New(gobun.Use(func(next gobun.HandlerFunc) gobun.HandlerFunc {
			return func(w http.ResponseWriter, req gobun.Request) error {
				w.Header().Set("Host-Middleware", "ran")
				return next(w, req)
			}
		}))
		r.GET("/*path", gobun.HTTPHandlerFunc(hostPage))
		bunrouter.Mount(r.NewGroup("/help/desk"), d)
		return r
	},
	"any router": func(d *core.Desk) http.Handler {
		desk := nethttp.Handler("/help/desk", d)
		return marked(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/help/desk/") {
				desk.ServeHTTP(w, r)
				return
			}
			hostPage(w, r)
		}))
	},
}

func hostPage(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the host's page") }

func marked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Host-Middleware", "ran")
		next.ServeHTTP(w, r)
	})
}

// people of the script, by name.
var people = map[string]core.Identity{
	"nobody":   {},
	"customer": {UserID: "c1", Name: "Carla", Email: "carla@example.com"},
	"stranger": {UserID: "s1", Name: "Stan"},
	"agent":    {UserID: "a1", Name: "Ann", Role: core.Agent, TimeZone: "Europe/Zurich"},
	"admin":    {UserID: "x1", Name: "Xenia", Role: core.Admin},
}

func newDesk(t *testing.T, dsn string) *core.Desk {
	t.Helper()
	db, err := core.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	d, err := core.New(core.Config{
		DB: db, Files: core.Dir(t.TempDir()), Logger: slog.New(slog.DiscardHandler), GuestTickets: true,
		Clock:   clockwork.NewFakeClockAt(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)),
		Plugins: []core.Plugin{snooze.New(snooze.Config{})},
		Identify: func(r *http.Request) (core.Identity, error) {
			return people[r.Header.Get("As")], nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if sqlDB, err := db.DB(); err != nil || sqlDB.Close() != nil {
			t.Error("the database does not close")
		}
	})
	return d
}

func TestTheSameTranscriptOnEveryRouterAndDatabase(t *testing.T) {
	t.Parallel()
	golden := "testdata/golden.txt"
	if *update {
		text := transcript(t, mounts["nethttp"](newDesk(t, "sqlite:"+t.TempDir()+"/desk.db")))
		if err := os.WriteFile(golden, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for router, mount := range mounts {
		t.Run(router+" on sqlite", func(t *testing.T) {
			t.Parallel()
			compare(t, want, transcript(t, mount(newDesk(t, "sqlite:"+t.TempDir()+"/desk.db"))))
		})
		t.Run(router+" on postgres", func(t *testing.T) {
			t.Parallel()
			compare(t, want, transcript(t, mount(newDesk(t, pgtest.New(t)))))
		})
	}
}

func compare(t *testing.T, want, got []byte) {
	t.Helper()
	wants, gots := bytes.Split(want, []byte("\n> ")), bytes.Split(got, []byte("\n> "))
	for i := range min(len(wants), len(gots)) {
		if !bytes.Equal(wants[i], gots[i]) {
			t.Fatalf("want %s\ngot  %s", wants[i], gots[i])
		}
	}
	if len(wants) != len(gots) {
		t.Fatalf("want %d answers, got %d", len(wants), len(gots))
	}
}

// transcript runs the script: each line is "actor METHOD path [body]", under
// the prefix unless the path starts with "//".
func transcript(t *testing.T, h http.Handler) []byte {
	t.Helper()
	script, err := os.ReadFile("testdata/script.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for line := range strings.Lines(string(script)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fmt.Fprintf(&out, "> %s\n", line)
		res := do(t, h, line)
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.Header.Get("Host-Middleware") != "ran" {
			t.Errorf("%s: the host's middleware did not run", line)
		}
		fmt.Fprintf(&out, "%d %s%s%s\n%s\n", res.StatusCode, res.Header.Get("Content-Type"), header(res, "Allow"), header(res, "Etag"), body)
	}
	return out.Bytes()
}

func header(res *http.Response, name string) string {
	if v := res.Header.Get(name); v != "" {
		return " " + name + "=" + v
	}
	return ""
}

func do(t *testing.T, h http.Handler, line string) *http.Response {
	t.Helper()
	part := strings.SplitN(line+"   ", " ", 4)
	body := strings.TrimSpace(part[3])
	path := "/help/desk" + part[2]
	if outside, ok := strings.CutPrefix(part[2], "//"); ok {
		path = "/" + outside
	}
	r := httptest.NewRequestWithContext(context.Background(), part[1], path, strings.NewReader(body))
	r.Header.Set("As", part[0])
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}
