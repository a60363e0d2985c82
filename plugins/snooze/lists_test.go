package snooze_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

func TestListsHideWhatSleeps(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		asleep, awake := d.snooze(for1h()), d.Ticket(desktest.Customer)
		longer := d.snooze(map[string]any{"preset": "tomorrow"})

		for _, query := range []string{"?sort=created", "?sort=created&status=open&open=true", "?sort=created&q=work"} {
			d.Settle() // search reads the log
			query = strings.Replace(query, "sort=created&q=", "q=", 1)
			d.wantList(desktest.Agent, query, awake)
			d.wantList(desktest.Admin, query, awake)
		}
		d.wantList(desktest.Agent, "?sort=created&snoozed=only", asleep, longer)
		d.wantList(desktest.Agent, "?sort=created&snoozed=include", asleep, awake, longer)
		d.Do(desktest.Agent, "GET /api/tickets?snoozed=maybe", nil).Want(422)
		for _, query := range []string{"", "&snoozed=only", "&snoozed=include"} {
			d.wantList(desktest.Customer, "?sort=created"+query, asleep, awake, longer)
		}
		var page struct{ Total int }
		d.Do(desktest.Agent, "GET /api/tickets?count=true", nil).Want(200).JSON(&page)
		if page.Total != 1 {
			t.Errorf("%d are counted", page.Total)
		}
		var dashboard core.Dashboard
		d.Do(desktest.Agent, "GET /api/dashboard", nil).Want(200).JSON(&dashboard)
		if dashboard.Unassigned.Count != 1 {
			t.Errorf("the dashboard counts %d", dashboard.Unassigned.Count)
		}

		d.Clock.FakeClock.Advance(time.Hour) // and no job runs
		d.wantList(desktest.Agent, "?sort=created", asleep, awake)
		d.wantList(desktest.Agent, "?sort=created&snoozed=only", longer)
	})
}

func TestAPluginSeesWhatSleepsUnlessItAsks(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var host core.Host
		d := open(t, db, core.Inline("exporter", func(h core.Host) error { host = h; return nil }))
		asleep, awake := d.snooze(for1h()), d.Ticket(desktest.Customer)
		for ask, want := range map[string]int{"": 2, "only": 1, "include": 2} {
			q := core.TicketQuery{Sort: "created"}
			if ask != "" {
				q.Extra = map[string][]string{"snoozed": {ask}}
			}
			page, err := d.Tickets.List(host.As(t.Context()), q)
			must(t, err)
			if len(page.Tickets) != want || page.Tickets[0].ID != asleep.ID || want == 2 && page.Tickets[1].ID != awake.ID {
				t.Errorf("%q: %+v", ask, page.Tickets)
			}
		}
	})
}

// TestListsHaveFullPages holds pages together while tickets in between sleep.
func TestListsHaveFullPages(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		var awake []core.Ticket
		for range 4 {
			awake = append(awake, d.Ticket(desktest.Customer))
			d.snooze(for1h())
		}
		var page struct {
			Tickets    []struct{ ID int64 }
			NextCursor string `json:"next_cursor"`
		}
		d.Do(desktest.Agent, "GET /api/tickets?sort=created&limit=2", nil).Want(200).JSON(&page)
		if len(page.Tickets) != 2 || page.Tickets[1].ID != awake[1].ID {
			t.Fatalf("%+v", page)
		}
		d.wantList(desktest.Agent, "?sort=created&limit=2&cursor="+page.NextCursor, awake[2:]...)
	})
}

func TestAgentsAreShownUntilWhenATicketSleeps(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		asleep := d.snooze(map[string]any{"preset": "1h", "reason": "the spare part"})
		d.Ticket(desktest.Customer)
		want := fmt.Sprintf(`{"until":"2026-03-02T10:00:00Z","by":{"id":%d,"name":"Anna Agent"},"reason":"the spare part"}`, d.PersonID(desktest.Agent))

		type extras struct{ Extras map[string]json.RawMessage }
		var list struct{ Tickets []extras }
		d.Do(desktest.Colleague, "GET /api/tickets?sort=created&snoozed=include", nil).Want(200).JSON(&list)
		if got := string(list.Tickets[0].Extras["snooze"]); got != want || list.Tickets[1].Extras != nil {
			t.Errorf("in the list: %s and %s", got, list.Tickets[1].Extras)
		}
		var one struct{ Ticket extras }
		d.Do(desktest.Colleague, "GET /api/tickets/"+strconv.FormatInt(asleep.ID, 10), nil).Want(200).JSON(&one)
		if got := string(one.Ticket.Extras["snooze"]); got != want {
			t.Errorf("in the ticket: %s", got)
		}
		d.Clock.FakeClock.Advance(time.Hour) // and no job runs
		one.Ticket.Extras = nil
		d.Do(desktest.Colleague, "GET /api/tickets/"+strconv.FormatInt(asleep.ID, 10), nil).Want(200).JSON(&one)
		if one.Ticket.Extras != nil {
			t.Errorf("when it is awake: %s", one.Ticket.Extras)
		}
	})
}

// TestCustomersSeeNothingOfIt compares all that a customer can ask for before a
// snooze, in it, and after it, with the clock at rest: only the time of the
// change could give it away.
func TestCustomersSeeNothingOfIt(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		ticket := d.Ticket(desktest.Customer)
		d.Ticket(desktest.Customer)
		d.Leap(time.Minute)
		asked := func() string {
			var all strings.Builder
			id := strconv.FormatInt(ticket.ID, 10)
			for _, path := range []string{
				"", "?snoozed=only", "?updated_since=" + d.Now().Format("2006-01-02T15:04:05Z"), "/" + id, "/" + id + "/activities", "/" + id + "/replies",
			} {
				answer := d.Do(desktest.Customer, "GET /api/tickets"+path, nil).Want(200)
				all.WriteString(answer.Header.Get("ETag") + string(answer.Body) + "\n")
			}
			return all.String()
		}
		before := asked()
		d.set(ticket, map[string]any{"preset": "1h", "reason": "a customer who shouts"})
		if in := asked(); in != before {
			t.Errorf("before:\n%s\nasleep:\n%s", before, in)
		}
		d.Do(desktest.Agent, route("DELETE", ticket.ID), nil).Want(204)
		if after := asked(); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	})
}

func TestAgentsReadOfItInTheActivity(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		ticket := d.snooze(for1h())
		d.Leap(time.Hour)
		var page struct{ Activities []core.ActivityItem }
		d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets/%d/activities", ticket.ID), nil).Want(200).JSON(&page)
		var lines []string
		for _, a := range page.Activities {
			lines = append(lines, a.Actor.Kind+" "+a.Actor.Name+": "+a.Type)
		}
		want := "requester Carla Customer: ticket.created, agent Anna Agent: snooze.set, plugin snooze: snooze.woken"
		if got := strings.Join(lines, ", "); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}

func TestTicketsDoNotHideWhileThePluginIsOff(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		asleep, closed := d.snooze(for1h()), d.snooze(for1h())
		d.Do(desktest.Admin, "POST /api/plugins/snooze/disable", nil).Want(200)
		d.wantList(desktest.Agent, "?sort=created", asleep, closed)
		d.Do(desktest.Agent, "GET /api/tickets?snoozed=only", nil).Want(422)
		d.Do(desktest.Agent, route("GET", asleep.ID), nil).Want(404)
		d.status(closed, core.StatusClosed)
		d.Do(desktest.Admin, "POST /api/plugins/snooze/enable", nil).Want(200)
		d.wantList(desktest.Agent, "?sort=created")
		d.Leap(time.Hour)
		d.wantList(desktest.Agent, "?sort=created", asleep, closed)
		if got := d.events(closed); got != "snooze.set, snooze.woken cleared" {
			t.Errorf("what was closed meanwhile: %s", got)
		}
	})
}
