package core_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

// bare is a desk that runs on whatever the Config says, without the database
// that desktest gives to each of its own.
type bare struct {
	*core.Desk
	clock   *clockwork.FakeClock
	handler http.Handler
	stop    func() error
}

// monday is when every bare desk begins.
var monday = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

var everybody = map[string]desktest.Who{
	"": desktest.Anonymous, "customer": desktest.Customer, "stranger": desktest.Stranger,
	"agent": desktest.Agent, "colleague": desktest.Colleague, "admin": desktest.Admin,
}

func startBare(c core.Config) (*bare, error) {
	b := &bare{clock: clockwork.NewFakeClockAt(monday)}
	c.Clock, c.Logger, c.GuestTickets = b.clock, slog.New(slog.DiscardHandler), true
	c.Identify = func(r *http.Request) (core.Identity, error) { return everybody[r.Header.Get("X-User")].Identity, nil }
	d, err := core.New(c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	b.Desk, b.handler = d, nethttp.Handler("", d)
	b.stop = func() error {
		cancel()
		return errors.Join(<-ended, d.Close())
	}
	return b, nil
}

func newBare(t *testing.T, c core.Config) *bare {
	t.Helper()
	b, err := startBare(c)
	must(t, err)
	t.Cleanup(func() { must(t, b.stop()) })
	return b
}

func (b *bare) as(who desktest.Who) context.Context {
	a, err := b.ActorOf(context.Background(), who.Identity)
	if err != nil {
		panic(err)
	}
	return core.As(context.Background(), a)
}

func (b *bare) send(user, request, body string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-User", user)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

// settle waits until the After handlers, and the search, have taken all events.
func (b *bare) settle() error {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if done, err := b.Settled(context.Background()); done || err != nil {
			return err
		}
	}
	return errors.New("the events were not taken in 20 s")
}
