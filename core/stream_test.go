package core_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

// browser listens to GET /api/events over a real connection.
type browser struct {
	t      *testing.T
	frames chan frame
	cancel context.CancelFunc
}

type frame struct{ id, event, data string }

func listen(t *testing.T, server *httptest.Server, who desktest.Who, lastEventID string) *browser {
	t.Helper()
	return listenTo(t, server, who, "/api/events", lastEventID)
}

func listenTo(t *testing.T, server *httptest.Server, who desktest.Who, path, lastEventID string) *browser {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+desktest.Prefix+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = who.Header()
	r.Header.Set("Accept", "text/event-stream")
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %s", res.Status, res.Header.Get("Content-Type"))
	}
	b := &browser{t: t, frames: make(chan frame, 1000), cancel: cancel}
	t.Cleanup(cancel)
	go func() {
		defer close(b.frames)
		defer res.Body.Close()
		var f frame
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				f.id = value
			case "event":
				f.event = value
			case "data":
				f.data = value
			case "":
				b.frames <- f
				f = frame{}
			}
		}
	}()
	b.next() // the greeting
	return b
}

// next is the next frame with something in it.
func (b *browser) next() frame {
	b.t.Helper()
	select {
	case f, ok := <-b.frames:
		if !ok {
			return frame{event: "end"}
		}
		return f
	case <-time.After(5 * time.Second):
		b.t.Fatal("nothing came")
	}
	return frame{}
}

func (b *browser) item() (item core.FeedItem) {
	b.t.Helper()
	f := b.next()
	if err := json.Unmarshal([]byte(f.data), &item); err != nil {
		b.t.Fatalf("%+v: %v", f, err)
	}
	if fmt.Sprint(item.ID) != f.id {
		b.t.Errorf("the frame %s carries the item %d", f.id, item.ID)
	}
	return item
}

func TestAStreamTellsWhatItsActorMaySee(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		server := httptest.NewServer(d.Handler)
		t.Cleanup(server.Close)
		customer, stranger, agent := listen(t, server, desktest.Customer, ""), listen(t, server, desktest.Stranger, ""), listen(t, server, desktest.Agent, "")
		ticket := d.Ticket(desktest.Customer)
		for _, draft := range []core.ReplyDraft{{Body: "a secret", Internal: true}, {Body: "an answer"}} {
			if _, err := d.Replies.Add(d.As(desktest.Agent), ticket.ID, draft); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{"ticket.created", "ticket.status_changed", "reply.added"} {
			if got := customer.item(); got.Type != want || *got.TicketID != ticket.ID || got.Data != nil {
				t.Errorf("the customer is told of %+v, want %s", got, want)
			}
		}
		for _, want := range []string{"ticket.created", "reply.added", "ticket.status_changed", "reply.added"} {
			got := agent.item()
			for got.Type == "person.upserted" {
				got = agent.item()
			}
			if got.Type != want || got.Data == nil {
				t.Errorf("the agent is told of %+v, want %s", got, want)
			}
		}
		own := d.Ticket(desktest.Stranger)
		if got := stranger.item(); *got.TicketID != own.ID {
			t.Errorf("the stranger is told of %+v", got)
		}
	})
}

func TestAStreamGoesOnWithoutAGap(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Handler.ServeHTTP(w, r) }))
		t.Cleanup(server.Close)
		first := listen(t, server, desktest.Customer, "")
		one := d.Ticket(desktest.Customer)
		seen := first.item()
		if *seen.TicketID != one.ID {
			t.Fatalf("%+v", seen)
		}
		first.cancel()
		two := d.Ticket(desktest.Customer)
		d.Reopen()
		three := d.Ticket(desktest.Customer)
		again := listen(t, server, desktest.Customer, fmt.Sprint(seen.ID))
		four := d.Ticket(desktest.Customer)
		for _, want := range []core.Ticket{two, three, four} {
			if got := again.item(); *got.TicketID != want.ID {
				t.Errorf("told of %+v, want ticket %d", got, want.ID)
			}
		}
		for _, strange := range []string{"-1", "abc", "99999999"} {
			if f := listen(t, server, desktest.Customer, strange).next(); f.event != "resync" {
				t.Errorf("after Last-Event-ID %s: %+v", strange, f)
			}
		}
	})
}

func TestAStreamEndsWithTheDeskAndSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	b := listen(t, server, desktest.Customer, "")
	d.Reopen()
	if f := b.next(); f != (frame{}) { // retry: is no field of a frame
		t.Errorf("%+v", f)
	}
	if f := b.next(); f.event != "end" {
		t.Errorf("%+v", f)
	}
}

func TestThePollTellsWhatTheStreamTells(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		d.Settle()
		var page struct {
			Events []core.FeedItem
			Last   int64
		}
		d.Do(desktest.Customer, "GET /api/events?after=0", nil).Want(200).JSON(&page)
		if len(page.Events) != 1 || *page.Events[0].TicketID != ticket.ID || page.Last < page.Events[0].ID {
			t.Fatalf("%+v", page)
		}
		answer := make(chan *desktest.Response, 1)
		go func() {
			answer <- d.Do(desktest.Customer, fmt.Sprintf("GET /api/events?wait=20s&after=%d", page.Last), nil)
		}()
		time.Sleep(50 * time.Millisecond)
		second := d.Ticket(desktest.Customer)
		page.Events = nil
		(<-answer).Want(200).JSON(&page)
		if len(page.Events) != 1 || *page.Events[0].TicketID != second.ID {
			t.Errorf("%+v", page)
		}
		for _, bad := range []string{"after=-1", "after=abc", "wait=-1s", "wait=x"} {
			d.Do(desktest.Customer, "GET /api/events?"+bad, nil).Want(422)
		}
		d.Do(desktest.Anonymous, "GET /api/events", nil).Want(401)
	})
}
