package desktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
)

func TestATicketGoesThroughHTTPAndTheLog(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var heard []int64
		d := desktest.New(t, db, core.Inline("ear", func(h core.Host) error {
			h.Hooks().Ticket.Create.After.Add(h, "hear", func(_ context.Context, e hooks.Event[core.TicketCreated]) error {
				heard = append(heard, e.Data.Ticket.ID)
				return nil
			})
			return nil
		}))
		var made struct {
			ID int64 `json:"id"`
		}
		d.Do(desktest.Customer, "POST /api/tickets", map[string]any{"subject": "Printer", "body": "It burns."}).Want(201).JSON(&made)
		d.Do(desktest.Customer, "GET /api/tickets?limit=1", nil).Want(200)
		d.Do(desktest.Stranger, fmt.Sprintf("GET /api/tickets/%d", made.ID), nil).Want(404)
		d.Do(desktest.Anonymous, "GET /api/tickets", nil).Want(401)
		d.Do(desktest.Customer, "GET /api/dashboard", nil).Want(403)
		d.Do(desktest.Customer, "POST /api/tickets", "{").Want(400)
		again := d.DoWith(desktest.Agent, fmt.Sprintf("PATCH /api/tickets/%d", made.ID), map[string]any{"priority": "high"}, http.Header{"If-Match": {`"1"`}})
		again.Want(200)
		if got := again.Header.Get("ETag"); got != `"2"` {
			t.Errorf("ETag %s", got)
		}

		d.Settle()
		if !slices.Equal(heard, []int64{made.ID}) {
			t.Errorf("heard %v, want [%d]", heard, made.ID)
		}
		var types []string
		for _, e := range d.Events(made.ID) {
			types = append(types, e.Type)
		}
		if !slices.Equal(types, []string{"ticket.created", "ticket.updated"}) {
			t.Errorf("events %v", types)
		}
		if a, b := d.PersonID(desktest.Customer), d.Ticket(desktest.Customer); a != b.RequesterID || a == 0 {
			t.Errorf("customer %d, requester %d", a, b.RequesterID)
		}
		d.Reopen()
		d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets/%d", made.ID), nil).Want(200)
	})
}

func TestAdvanceRunsJobsAtTheirTime(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var mu sync.Mutex
		var runs []string
		note := func(h core.Host, name string) func(context.Context) error {
			return func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				runs = append(runs, name+h.Now().Format(" 15:04"))
				return nil
			}
		}
		d := desktest.New(t, db, core.Inline("watch", func(h core.Host) error {
			h.Every("b", 20*time.Minute, note(h, "b"))
			h.Every("a", 20*time.Minute, note(h, "a"))
			h.Cron("c", "30 10 * * 1", note(h, "c"))
			return nil
		}))
		d.Advance(19 * time.Minute)
		d.Advance(22 * time.Minute)
		d.Advance(time.Hour)
		want := []string{"b 09:20", "a 09:20", "b 09:40", "a 09:40", "b 10:00", "a 10:00", "b 10:20", "a 10:20", "c 10:30", "b 10:40", "a 10:40"}
		if !slices.Equal(runs, want) {
			t.Errorf("%v\nwant %v", runs, want)
		}
		runs = nil
		d.Leap(7 * 24 * time.Hour)
		if slices.Sort(runs); !slices.Equal(runs, []string{"a 10:41", "b 10:41", "c 10:41"}) {
			t.Errorf("after a leap: %v", runs)
		}
		if got := d.Now(); !got.Equal(time.Date(2026, 3, 9, 10, 41, 0, 0, time.UTC)) {
			t.Errorf("it is %v", got)
		}
	})
}

func TestRawBodiesAndIdentities(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite)
	ada := desktest.Who{Identity: core.Identity{UserID: "zoë", Name: "Zoë", Role: core.Agent, Rights: []string{"a", "b"}}}
	d.Do(ada, "GET /api/dashboard", nil).Want(200)
	if a := core.ActorFrom(d.As(ada)); a.Person.Name != "Zoë" || !a.Holds("b") {
		t.Errorf("%+v", a)
	}
	d.DoWith(ada, "POST /api/tickets", json.RawMessage(`{}`), http.Header{"content-type": nil}).Want(415)
	if d.PersonID(desktest.Anonymous) != 0 {
		t.Error("nobody is somebody")
	}
}

func BenchmarkNew(b *testing.B) {
	for _, db := range []desktest.Database{desktest.SQLite, desktest.Postgres} {
		b.Run(string(db), func(b *testing.B) {
			for b.Loop() {
				desktest.New(b, db)
			}
		})
	}
}
