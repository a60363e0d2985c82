package rest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hookdesk/hookdesk/rest"
)

// memory keeps receipts in a map.
type memory struct {
	mu   sync.Mutex
	kept map[string]*receipt
}

type receipt struct {
	route  string
	digest [32]byte
	answer *rest.Answer
}

type receiptKey struct{}

func newMemory() *memory { return &memory{kept: map[string]*receipt{}} }

func (m *memory) Begin(ctx context.Context, who rest.Caller, key, route string, digest [32]byte) (context.Context, *rest.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key = who.(person).name + " " + key
	was := m.kept[key]
	switch {
	case was == nil || was.answer == nil:
		m.kept[key] = &receipt{route: route, digest: digest}
		return context.WithValue(ctx, receiptKey{}, key), nil, nil
	case was.route != route || was.digest != digest:
		return nil, nil, rest.InvalidField("Idempotency-Key", "came with another request before")
	}
	return ctx, was.answer, nil
}

func (m *memory) Finish(ctx context.Context, answer rest.Answer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[ctx.Value(receiptKey{}).(string)].answer = &answer
	return nil
}

func TestSameKeySameAnswer(t *testing.T) {
	runs := 0
	table := rest.New(options())
	table.Owner("core").Handle("POST /api/count/{id}", rest.Public, rest.JSON(func(_ context.Context, in struct {
		ID   int    `path:"id"`
		Fail bool   `query:"fail"`
		Text string `json:"text,omitempty"`
	}) (snoozed, error) {
		if runs++; in.Fail {
			return snoozed{}, rest.Errorf(rest.Conflict, "not now")
		}
		return snoozed{TicketID: int64(runs), Until: noon(), Tags: []string{}}, nil
	}, rest.Status(201)))
	h := muxHandler("", table)
	do := func(as, key, target, body string) (*http.Response, string) {
		r := httptest.NewRequest("POST", target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("As", as)
		if key != "-" {
			r.Header.Set("Idempotency-Key", key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		text, _ := io.ReadAll(w.Result().Body) // of a recorder: cannot fail
		return w.Result(), string(text)
	}
	first, body := do("agent", "k", "/api/count/1", `{"text":"a"}`)
	if first.StatusCode != 201 || first.Header.Get("Idempotent-Replayed") != "" {
		t.Fatal(first.StatusCode, first.Header)
	}
	again, same := do("agent", "k", "/api/count/1", `{"text":"a"}`)
	if again.StatusCode != 201 || same != body || again.Header.Get("Idempotent-Replayed") != "true" ||
		again.Header.Get("ETag") != first.Header.Get("ETag") || again.Header.Get("Content-Type") != "application/json" {
		t.Errorf("replayed: %d %v\n%s\n%s", again.StatusCode, again.Header, same, body)
	}
	for name, c := range map[string]struct {
		as, key, target, body string
		code, runs            int
	}{
		"another body is refused":                        {"agent", "k", "/api/count/1", `{"text":"b"}`, 422, 0},
		"another path value is refused":                  {"agent", "k", "/api/count/2", `{"text":"a"}`, 422, 0},
		"another query is refused":                       {"agent", "k", "/api/count/1?fail=false", `{"text":"a"}`, 422, 0},
		"another person has keys of their own":           {"admin", "k", "/api/count/1", `{"text":"b"}`, 201, 1},
		"without a key each counts":                      {"agent", "-", "/api/count/1", `{"text":"a"}`, 201, 1},
		"an empty key is refused":                        {"agent", "", "/api/count/1", `{}`, 422, 0},
		"a key with a space is refused":                  {"agent", "a b", "/api/count/1", `{}`, 422, 0},
		"a key that is not ASCII is refused":             {"agent", "ü", "/api/count/1", `{}`, 422, 0},
		"a long key is refused":                          {"agent", strings.Repeat("k", 201), "/api/count/1", `{}`, 422, 0},
		"the longest key will do":                        {"agent", strings.Repeat("k", 200), "/api/count/1", `{}`, 201, 1},
		"a wrong input is refused before the key counts": {"agent", "w", "/api/count/1", `{"text":1}`, 422, 0},
	} {
		before := runs
		if res, text := do(c.as, c.key, c.target, c.body); res.StatusCode != c.code || runs-before != c.runs {
			t.Errorf("%s: %d after %d runs: %s", name, res.StatusCode, runs-before, text)
		}
	}
	before := runs
	for range 2 { // nobody has no keys
		if res, _ := do("nobody", "n", "/api/count/1", `{}`); res.StatusCode != 201 || res.Header.Get("Idempotent-Replayed") != "" {
			t.Error(res.StatusCode, res.Header)
		}
	}
	if runs != before+2 {
		t.Errorf("nobody's request ran %d times of 2", runs-before)
	}
	before = runs
	for range 2 { // a failure is not kept
		if res, _ := do("agent", "f", "/api/count/1?fail=true", `{}`); res.StatusCode != 409 {
			t.Error(res.StatusCode)
		}
	}
	if runs != before+2 {
		t.Errorf("a failed request ran %d times of 2", runs-before)
	}
}
