package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/rest"
)

// bare is the same as the toy's row, by hand and without policy.
func bare(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Until  time.Time `json:"until"`
		Reason reason    `json:"reason"`
		Repeat struct {
			Times int `json:"times"`
		} `json:"repeat"`
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err != nil || dec.Decode(&in) != nil {
		http.Error(w, "no", http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	text, err := json.Marshal(snoozed{TicketID: id, Until: in.Until, Reason: in.Reason, Tags: []string{}})
	if err == nil {
		_, _ = w.Write(text) // of a benchmark
	}
}

// blank throws the answer away.
type blank struct{ header http.Header }

func (b blank) Header() http.Header         { return b.header }
func (b blank) Write(p []byte) (int, error) { return len(p), nil }
func (b blank) WriteHeader(int)             {}

func measure(b *testing.B, h http.Handler, line string) {
	b.ReportAllocs()
	r := request(line)
	body := strings.SplitN(line+"     ", " ", 5)[4]
	for b.Loop() {
		r.Body = http.NoBody
		if body != "" {
			r.Body = readCloser{strings.NewReader(body)}
		}
		h.ServeHTTP(blank{http.Header{}}, r)
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func BenchmarkRows(b *testing.B) {
	const put = ` PUT /api/tickets/7/snooze json {"until":"2026-12-01T00:00:00Z","reason":"waiting","repeat":{"times":3}}`
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /api/tickets/{id}/snooze", bare)
	plain := rest.New(options())
	(&snooze{}).register(plain.Owner("snooze"))
	h, audited := muxHandler("", plain), muxHandler("", newTable(b, options()))
	b.Run("put/bare", func(b *testing.B) { measure(b, mux, "agent"+put) })
	b.Run("put/table", func(b *testing.B) { measure(b, h, "agent"+put) })
	b.Run("put/middleware", func(b *testing.B) { measure(b, audited, "agent"+put) })
	b.Run("put/refused", func(b *testing.B) { measure(b, h, "nobody"+put) })
	b.Run("get", func(b *testing.B) { measure(b, h, "agent GET /api/snoozes?limit=3&reason=waiting") })
	b.Run("delete", func(b *testing.B) { measure(b, h, "agent DELETE /api/tickets/7/snooze") })
	b.Run("off", func(b *testing.B) {
		plain.Owner("snooze").Switch(false)
		defer plain.Owner("snooze").Switch(true)
		measure(b, h, "agent DELETE /api/tickets/7/snooze")
	})
	b.Run("openapi/cached", func(b *testing.B) { measure(b, h, "nobody GET /api/openapi.json") })
	b.Run("openapi/anew", func(b *testing.B) {
		for b.Loop() {
			plain.Owner("snooze").Switch(true)
			h.ServeHTTP(blank{http.Header{}}, httptest.NewRequest("GET", "/api/openapi.json", http.NoBody))
		}
	})
}
