package core_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

// speaker is a plugin with a stream of its own.
type speaker struct {
	mu   sync.Mutex
	last *core.Listener
}

func (s *speaker) plugin() core.Plugin {
	return core.Inline("speaker", func(h core.Host) error {
		h.Handle("GET /api/speech", core.Agents, core.Stream(func(w http.ResponseWriter, r *http.Request, _ struct{}) error {
			return h.Desk().Feed.Open(w, r, []byte("data: welcome\n\n"), func(l *core.Listener) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.last = l
			})
		}, core.Gives("text/event-stream")))
		return nil
	})
}

func (s *speaker) listener() *core.Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func TestAPluginSpeaksToWhoListens(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		end func(d *desktest.Desk, l *core.Listener, b *browser)
	}{
		"until it ends":              {func(_ *desktest.Desk, l *core.Listener, _ *browser) { l.End() }},
		"until the desk ends":        {func(d *desktest.Desk, _ *core.Listener, _ *browser) { d.Stop() }},
		"until the listener leaves":  {func(_ *desktest.Desk, _ *core.Listener, b *browser) { b.cancel() }},
		"until it is no agent's any": {nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, demoted := &speaker{}, atomic.Bool{}
			d := desktest.NewWith(t, desktest.SQLite, func(c *core.Config) {
				identify := c.Identify
				c.Identify = func(r *http.Request) (core.Identity, error) {
					id, err := identify(r)
					if demoted.Load() {
						id.Role = core.Requester
					}
					return id, err
				}
			}, s.plugin())
			core.RecheckStreams(d.Desk, time.Millisecond)
			server := httptest.NewServer(d.Handler)
			t.Cleanup(server.Close)
			b := listenTo(t, server, desktest.Agent, "/api/speech", "")
			if f := b.next(); f.data != "welcome" {
				t.Errorf("%+v", f)
			}
			l := eventuallyListens(t, s)
			d.Ticket(desktest.Customer) // it hears of no event
			l.Send([]byte("event: word\ndata: now\n\n"))
			if f := b.next(); f != (frame{event: "word", data: "now"}) {
				t.Errorf("%+v", f)
			}
			if a := core.ActorFrom(l.As(t.Context())); a.Person.Name != desktest.Agent.Name {
				t.Errorf("%+v listens", a)
			}
			if row.end == nil {
				demoted.Store(true)
			} else {
				row.end(d, l, b)
			}
			for f := b.next(); f.event != "end"; f = b.next() {
				if f != (frame{}) {
					t.Errorf("%+v", f)
				}
			}
			wait(t, func() bool {
				l.Send([]byte("data: is anybody there?\n\n")) // who has left without a word is found out by writing
				return l.Ended() && core.OpenStreams(d.Desk) == 0
			})
		})
	}
}

func eventuallyListens(t *testing.T, s *speaker) *core.Listener {
	t.Helper()
	wait(t, func() bool { return s.listener() != nil })
	return s.listener()
}

func wait(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not happen")
		}
	}
}

func TestStreamsOfPluginsCountWithTheOthers(t *testing.T) {
	t.Parallel()
	d := desktest.NewWith(t, desktest.SQLite, func(c *core.Config) { c.Streams.PerIdentity = 1 }, (&speaker{}).plugin())
	server := httptest.NewServer(d.Handler)
	t.Cleanup(server.Close)
	listen(t, server, desktest.Agent, "")
	d.Do(desktest.Agent, "GET /api/speech", nil).Want(429)
	d.Do(desktest.Customer, "GET /api/speech", nil).Want(403)
}
