package savedviews_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/savedviews"
)

// listener is a browser that is told counts.
type listener struct {
	t      *testing.T
	told   chan []savedviews.Count // closed when the stream ends
	cancel context.CancelFunc
}

func serve(t *testing.T, d *desktest.Desk) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	return server
}

func request(ctx context.Context, t *testing.T, server *httptest.Server, who desktest.Who, ids string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+desktest.Prefix+"/api/views/counts/stream?ids="+ids, http.NoBody)
	must(t, err)
	r.Header = who.Header()
	res, err := server.Client().Do(r)
	must(t, err)
	return res
}

func listen(t *testing.T, server *httptest.Server, who desktest.Who, ids string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	res := request(ctx, t, server, who, ids)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %s", res.Status, res.Header.Get("Content-Type"))
	}
	l := &listener{t: t, told: make(chan []savedviews.Count, 1000), cancel: cancel}
	go func() {
		defer close(l.told)
		defer res.Body.Close()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if text, is := strings.CutPrefix(lines.Text(), "data: "); is {
				var list struct{ Counts []savedviews.Count }
				if json.Unmarshal([]byte(text), &list) != nil {
					return
				}
				l.told <- list.Counts
			}
		}
	}()
	return l
}

// want is what the next event says, as "id: count, …".
func (l *listener) want(want string) {
	l.t.Helper()
	select {
	case counts, ok := <-l.told:
		var lines []string
		for _, c := range counts {
			lines = append(lines, fmt.Sprintf("%d: %d%s", c.ID, c.Count, c.Error))
		}
		if got := strings.Join(lines, ", "); got != want || !ok {
			l.t.Errorf("told %q (%v), want %q", got, ok, want)
		}
	case <-time.After(10 * time.Second):
		l.t.Errorf("told nothing, want %q", want)
	}
}

func (l *listener) wantEnd() {
	l.t.Helper()
	select {
	case counts, ok := <-l.told:
		if ok {
			l.t.Errorf("told %v, want the end", counts)
		}
	case <-time.After(10 * time.Second):
		l.t.Error("the stream does not end")
	}
}

func TestAStreamTellsCountsThatChange(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		both := pair(t, db)
		d := desk{both[0].Desk, t}
		server := serve(t, d.Desk)
		agent, colleague := listen(t, server, desktest.Agent, "1,4,4711"), listen(t, server, desktest.Colleague, "4")
		agent.want("1: 0, 4: 0, 4711: 0no view 4711")
		colleague.want("4: 0")
		ticket := d.ticket(core.TicketDraft{})
		agent.want("4: 1")
		colleague.want("4: 1")
		me := d.PersonID(desktest.Agent)
		_, err := both[1].Tickets.Update(both[1].As(desktest.Admin), ticket.ID, core.TicketPatch{Assignee: core.Maybe[int64]{Set: true, Value: &me}})
		must(t, err)
		agent.want("1: 1") // of what another process does, and only what has changed
		d.Do(desktest.Agent, fmt.Sprintf("PUT /api/tickets/%d/snooze", ticket.ID), map[string]any{"until": d.Clock.Now().Add(time.Hour)}).Want(200)
		agent.want("1: 0, 4: 0")
		colleague.want("4: 0")
		d.Clock.FakeClock.Advance(time.Hour) // the clock wakes it, no event
		agent.want("1: 1, 4: 1")
		colleague.want("4: 1")
		d.Do(desktest.Admin, at("PATCH", 4), map[string]any{"filters": filters{"open": {"false"}}, "version": 1}).Want(200)
		agent.want("4: 0")
		colleague.want("4: 0")
	})
}

func TestAStreamOfCountsEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(d *desktest.Desk){
		"with the plugin": func(d *desktest.Desk) { d.Do(desktest.Admin, "POST /api/plugins/savedviews/disable", nil).Want(200) },
		"with the desk":   func(d *desktest.Desk) { d.Stop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			views := savedviews.New(savedviews.Config{})
			d := desktest.New(t, desktest.SQLite, views)
			l := listen(t, serve(t, d), desktest.Agent, "4")
			l.want("4: 0")
			if !soon(func() bool { return savedviews.Watchers(views) == 1 }) {
				t.Fatal("nobody listens")
			}
			end(d)
			l.wantEnd()
			if savedviews.Watchers(views) != 0 || savedviews.Running(views) {
				t.Error("something runs still")
			}
			if plans, tallies := savedviews.Remembered(views); plans+tallies != 0 {
				t.Errorf("%d plans and %d counts are remembered", plans, tallies)
			}
		})
	}
}

func TestAStreamOfCountsGoesOnWhenThePluginIsBack(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		views := savedviews.New(savedviews.Config{})
		d := desk{desktest.New(t, db, views), t}
		server := serve(t, d.Desk)
		for range 2 {
			d.Do(desktest.Admin, "POST /api/plugins/savedviews/disable", nil).Want(200)
			if savedviews.Running(views) {
				t.Error("it runs while it is off")
			}
			d.Do(desktest.Admin, "POST /api/plugins/savedviews/enable", nil).Want(200)
		}
		l := listen(t, server, desktest.Agent, "4")
		l.want("4: 0")
		d.ticket(core.TicketDraft{})
		l.want("4: 1")
	})
}

func TestWhoMayListenToCounts(t *testing.T) {
	t.Parallel()
	d := desktest.NewWith(t, desktest.SQLite, func(c *core.Config) { c.Streams.PerIdentity = 1 }, fresh())
	server := serve(t, d)
	listen(t, server, desktest.Agent, "4").want("4: 0")
	for _, row := range []struct {
		who  desktest.Who
		ids  string
		want int
	}{
		{desktest.Agent, "4", 429}, {desktest.Colleague, "x", 422}, {desktest.Colleague, "", 422},
		{desktest.Customer, "4", 403}, {desktest.Anonymous, "4", 401},
	} {
		res := request(t.Context(), t, server, row.who, row.ids)
		must(t, res.Body.Close())
		if res.StatusCode != row.want {
			t.Errorf("%s listens to %q: %d, want %d", row.who.UserID, row.ids, res.StatusCode, row.want)
		}
	}
}

// TestWhoDoesNotReadDelaysNobody lets somebody open a stream and never read it.
func TestWhoDoesNotReadDelaysNobody(t *testing.T) {
	t.Parallel()
	d := desk{desktest.New(t, desktest.SQLite, fresh()), t}
	server := serve(t, d.Desk)
	for range 5 {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() }) // nothing is left to say
		var head strings.Builder
		must(t, desktest.Admin.Header().Write(&head))
		_, err = fmt.Fprintf(conn, "GET %s/api/views/counts/stream?ids=4 HTTP/1.1\r\nHost: x\r\n%s\r\n", desktest.Prefix, head.String())
		must(t, err)
	}
	l := listen(t, server, desktest.Agent, "4")
	l.want("4: 0")
	for n := range 3 {
		d.ticket(core.TicketDraft{})
		l.want(fmt.Sprintf("4: %d", n+1))
	}
}
