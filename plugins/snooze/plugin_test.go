package snooze_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

func TestPlugin(t *testing.T) {
	t.Parallel()
	desktest.Exercise(t, func() core.Plugin { return snooze.New(snooze.Config{}) }, desktest.With(
		func(t testing.TB, d *desktest.Desk, ticket core.Ticket) {
			t.Helper()
			d.Do(desktest.Agent, route("PUT", ticket.ID), for1h()).Want(200)
			d.Do(desktest.Agent, route("DELETE", ticket.ID), nil).Want(204)
			d.Do(desktest.Agent, route("PUT", ticket.ID), map[string]any{"preset": "tomorrow", "reason": "the spare part"}).Want(200)
		}))
}

// desk is a desk with snoozing, and what these tests ask of it.
type desk struct {
	*desktest.Desk
	t *testing.T
}

func open(t *testing.T, db desktest.Database, others ...core.Plugin) desk {
	t.Helper()
	return desk{desktest.New(t, db, append(others, snooze.New(snooze.Config{}))...), t}
}

func route(method string, ticket int64) string {
	return fmt.Sprintf("%s /api/tickets/%d/snooze", method, ticket)
}

// snooze puts a new ticket of the customer's to sleep.
func (d desk) snooze(how map[string]any) core.Ticket {
	d.t.Helper()
	ticket := d.Ticket(desktest.Customer)
	d.set(ticket, how)
	return ticket
}

func (d desk) set(ticket core.Ticket, how map[string]any) {
	d.t.Helper()
	d.Do(desktest.Agent, route("PUT", ticket.ID), how).Want(200)
}

// for1h is the input of a snooze of an hour.
func for1h() map[string]any { return map[string]any{"preset": "1h"} }

// history is what GET answers; an admin reads it, who sees deleted tickets too.
type history struct {
	Current    *snooze.Snooze
	History    []snooze.Snooze
	NextCursor *string `json:"next_cursor"`
}

func (d desk) history(ticket core.Ticket, query string) (h history) {
	d.t.Helper()
	d.Do(desktest.Admin, route("GET", ticket.ID)+query, nil).Want(200).JSON(&h)
	return h
}

// events are the ticket's events of this plugin, in a line: what, why.
func (d desk) events(ticket core.Ticket) string {
	d.t.Helper()
	var lines []string
	for _, e := range d.Events(ticket.ID) {
		if !strings.HasPrefix(e.Type, "snooze.") {
			continue
		}
		var data struct{ Snooze snooze.Snooze }
		if err := json.Unmarshal([]byte(e.Payload), &data); err != nil {
			d.t.Fatal(err)
		}
		lines = append(lines, strings.TrimSpace(e.Type+" "+string(data.Snooze.Why)))
	}
	return strings.Join(lines, ", ")
}

// list are the ids of a list of tickets, in its order.
func (d desk) list(who desktest.Who, query string) []int64 {
	d.t.Helper()
	var page struct{ Tickets []struct{ ID int64 } }
	d.Do(who, "GET /api/tickets"+query, nil).Want(200).JSON(&page)
	ids := []int64{}
	for _, one := range page.Tickets {
		ids = append(ids, one.ID)
	}
	return ids
}

func (d desk) wantList(who desktest.Who, query string, want ...core.Ticket) {
	d.t.Helper()
	ids := []int64{}
	for _, one := range want {
		ids = append(ids, one.ID)
	}
	if got := d.list(who, query); !slices.Equal(got, ids) {
		d.t.Errorf("%s sees in GET /api/tickets%s the tickets %v, want %v", who.UserID, query, got, ids)
	}
}

// status puts a ticket there, as an agent.
func (d desk) status(ticket core.Ticket, s core.Status) {
	d.t.Helper()
	if _, err := d.Tickets.Update(d.As(desktest.Agent), ticket.ID, core.TicketPatch{Status: &s}); err != nil {
		d.t.Fatal(err)
	}
}

// in is a time so far from now, as JSON carries it.
func (d desk) in(after time.Duration) string { return d.Now().Add(after).Format(time.RFC3339Nano) }

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
