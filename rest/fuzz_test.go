package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzBody: whatever the body, the answer is 200, 400 or 422, it is JSON, and
// it is 400 exactly when the body is not JSON of bearable depth.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"until":"2026-12-01T00:00:00Z"}`, `{"repeat":{"times":1e1,"times":-5}}`, `[{"a":null}]`, `"\ud800"`,
		`{"note":{"a":[1]},"tags":[null]}`, "{\"\xff\":1}", `{"note":"\u0000"}`, strings.Repeat("[", 65), `{"level":1e400}`,
		strings.Repeat("[", 65) + strings.Repeat("]", 65), `{"":{"\\\"[":"]"}}`, "\ufeff{}", `{"level":-0}`, `{} `, " \n",
	} {
		f.Add([]byte(s))
	}
	h := muxHandler("", newTable(f, options()))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, at := range []string{"PUT /api/tickets/7/snooze", "PATCH /api/snoozes/a"} {
			method, path, _ := strings.Cut(at, " ")
			r := httptest.NewRequest(method, path, bytes.NewReader(body))
			r.Header.Set("As", "editor")
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			deep := strings.Contains(w.Body.String(), "nests deeper")
			good := json.Valid(body) && utf8.Valid(body) && !deep
			if !json.Valid(w.Body.Bytes()) || w.Code != 200 && w.Code != 400 && w.Code != 422 || good != (w.Code != 400) {
				t.Fatalf("%s %q: %d %s", at, body, w.Code, w.Body)
			}
		}
	})
}

// routers are the hosts whose answers must be equal.
func routers(t testing.TB) []http.Handler {
	t.Helper()
	all := hosts(t)
	return []http.Handler{all["nethttp"], all["chi"], all["bunrouter"]}
}

// samePath compares the answers of all routers, but for what ServeMux
// redirects, and for a segment that begins with NUL: bunrouter v1.0.23 panics
// on it before any handler runs (uptrace/bunrouter#107).
func samePath(t *testing.T, all []http.Handler, path, query string) {
	t.Helper()
	r, err := http.NewRequest("GET", "http://h/support"+path+"?"+query, http.NoBody)
	if err != nil || strings.Contains(r.URL.Path, "//") || strings.Contains(r.URL.Path, "/.") || strings.Contains(r.URL.Path, "/\x00") ||
		!strings.HasPrefix(r.URL.Path, "/support/api/") && !strings.HasPrefix(r.URL.Path, "/support/plugins/snooze/") ||
		!strings.HasPrefix(r.URL.EscapedPath(), "/support/api/") && !strings.HasPrefix(r.URL.EscapedPath(), "/support/plugins/snooze/") {
		return
	}
	r.RequestURI = r.URL.RequestURI()
	r.Header.Set("As", "admin")
	got := []string{}
	for _, h := range all {
		w := httptest.NewRecorder()
		cut := serve(h, w, r.Clone(context.Background()))
		got = append(got, fmt.Sprint(w.Code, w.Header().Get("Content-Type"), w.Header().Get("Allow"), w.Body, cut))
	}
	if got[0] != got[1] || got[0] != got[2] {
		t.Fatalf("%q %q: the routers differ:\n%s", path, query, strings.Join(got, "\n"))
	}
	if strings.HasPrefix(got[0], "500") && !strings.Contains(query, "early") && !strings.Contains(query, "panic") {
		t.Fatalf("%q %q: %s", path, query, got[0])
	}
}

// FuzzPath: all routers answer alike.
func FuzzPath(f *testing.F) {
	for _, s := range [][2]string{
		{"/api/tickets/7/snooze", "limit=1"}, {"/api/snoozes", "limit=%zz&a=;"}, {"/api/snoozes/a%2Fb/../c", ""}, {"/api/snoozes/%00/notes/%ff", "a=%00"},
		{"/plugins/snooze/%2e%2e%2f", ""}, {"/api/snoozes/%25/notes/1", ""}, {"/api/tickets/", "cursor=%ff"}, {"/api/snoozes/ü/notes/1", "&&=&x"},
	} {
		f.Add(s[0], s[1])
	}
	all := routers(f)
	f.Fuzz(func(t *testing.T, path, query string) { samePath(t, all, path, query) })
}

func TestGeneratedPathsGetTheSameAnswerEverywhere(t *testing.T) {
	all, rnd := routers(t), rand.New(rand.NewPCG(3, 4))
	parts := []string{"tickets", "snoozes", "7", "snooze", "a%2Fb", "%00", "%ff", "notes", "stream", "%C3%BC", "a b", "%25", "docs", "x;y", "a+b", "%2B", "~", "", "%2F", "nothing"}
	queries := []string{"", "limit=1", "limit=x", "cursor=%00", "a", "%zz", "limit=1;a=2", "after=1", "gone=true", "snoozed=true&reason=later", "reason=no"}
	for range 1000 {
		path := "/api"
		if rnd.IntN(4) == 0 {
			path = "/plugins/snooze"
		}
		steps := []string{path}
		for range 1 + rnd.IntN(4) {
			steps = append(steps, parts[rnd.IntN(len(parts))])
		}
		samePath(t, all, strings.Join(steps, "/"), queries[rnd.IntN(len(queries))])
	}
}
