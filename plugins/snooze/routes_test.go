package snooze_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

func TestWhoSnoozesWhatUntilWhen(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, row := range map[string]struct {
		by    desktest.Who // Agent
		until time.Duration
		body  map[string]any // instead of until
		first func(d desk, ticket core.Ticket)
		want  int    // 200
		field string // that the 422 names
	}{
		"an agent snoozes for an hour":            {until: time.Hour},
		"an admin snoozes for a year":             {by: desktest.Admin, until: 365 * day},
		"an agent gives a reason":                 {body: map[string]any{"preset": "4h", "reason": "the spare part comes at noon"}},
		"a sleeping ticket is snoozed again":      {until: time.Hour, first: func(d desk, t core.Ticket) { d.set(t, for1h()) }},
		"a snooze cannot end in the past":         {until: -time.Hour, want: 422, field: "until"},
		"a snooze cannot end now":                 {body: map[string]any{"until": "2026-03-02T09:00:00Z"}, want: 422, field: "until"},
		"a snooze cannot outlast the limit":       {until: 365*day + time.Second, want: 422, field: "until"},
		"a preset cannot outlast the limit":       {body: map[string]any{"preset": "next_week"}, first: settings("09:00", 1), want: 422, field: "preset"},
		"a snooze must end":                       {body: map[string]any{}, want: 422, field: "until"},
		"a snooze cannot end twice":               {body: map[string]any{"preset": "1h", "until": "2026-03-03T09:00:00Z"}, want: 422, field: "preset"},
		"a preset must be known":                  {body: map[string]any{"preset": "someday"}, want: 422, field: "preset"},
		"until must be a time":                    {body: map[string]any{"until": "someday"}, want: 422, field: "until"},
		"a field must be known":                   {body: map[string]any{"preset": "1h", "colour": "red"}, want: 422, field: "colour"},
		"a reason is short":                       {body: map[string]any{"preset": "1h", "reason": strings.Repeat("z", 501)}, want: 422, field: "reason"},
		"a customer snoozes nothing":              {by: desktest.Customer, until: time.Hour, want: 403},
		"nobody snoozes nothing":                  {by: desktest.Anonymous, until: time.Hour, want: 401},
		"an agent sees no ticket of other people": {until: time.Hour, first: elsewhere, want: 404},
		"a deleted ticket is not there":           {until: time.Hour, first: remove, want: 404},
		"a deleted ticket is not snoozed":         {by: desktest.Admin, until: time.Hour, first: remove, want: 409},
		"a resolved ticket is not snoozed":        {until: time.Hour, first: func(d desk, t core.Ticket) { d.status(t, core.StatusResolved) }, want: 409},
		"a closed ticket is not snoozed":          {until: time.Hour, first: func(d desk, t core.Ticket) { d.status(t, core.StatusClosed) }, want: 409},
		"a merged ticket is not snoozed":          {until: time.Hour, first: merge, want: 409},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if row.by.UserID == "" && row.want != 401 {
				row.by = desktest.Agent
			}
			if row.want == 0 {
				row.want = 200
			}
			desktest.Each(t, func(t *testing.T, db desktest.Database) {
				d := open(t, db)
				ticket := d.Ticket(desktest.Customer)
				if row.first != nil {
					row.first(d, ticket)
				}
				body := row.body
				if body == nil {
					body = map[string]any{"until": d.in(row.until)}
				}
				answer := d.Do(row.by, route("PUT", ticket.ID), body).Want(row.want)
				if row.field != "" && !strings.Contains(string(answer.Body), `"field":"`+row.field+`"`) {
					t.Errorf("the answer does not name %s: %s", row.field, answer)
				}
			})
		})
	}
}

// settings lets an admin save them first.
func settings(dayStartsAt string, maxDays int) func(desk, core.Ticket) {
	return func(d desk, _ core.Ticket) {
		d.t.Helper()
		value := map[string]any{"day_starts_at": dayStartsAt, "max_days": maxDays}
		d.Do(desktest.Admin, "PUT /api/settings/snooze", map[string]any{"value": value}).Want(200)
	}
}

func remove(d desk, ticket core.Ticket) {
	d.t.Helper()
	_, err := d.Tickets.Delete(d.As(desktest.Admin), ticket.ID)
	must(d.t, err)
}

// merge makes ticket a part of a new one.
func merge(d desk, ticket core.Ticket) {
	d.t.Helper()
	_, err := d.Tickets.Merge(d.As(desktest.Agent), d.Ticket(desktest.Customer).ID, []int64{ticket.ID})
	must(d.t, err)
}

// elsewhere puts the ticket into another department than the agent's.
func elsewhere(d desk, ticket core.Ticket) {
	d.t.Helper()
	ctx := d.As(desktest.Admin)
	ours, theirs := "Ours", "Theirs"
	_, err := d.Departments.Create(ctx, core.DepartmentPatch{Name: &ours, Agents: &[]int64{d.PersonID(desktest.Agent)}})
	must(d.t, err)
	dep, err := d.Departments.Create(ctx, core.DepartmentPatch{Name: &theirs})
	must(d.t, err)
	_, err = d.Tickets.Update(ctx, ticket.ID, core.TicketPatch{Department: core.Maybe[int64]{Set: true, Value: &dep.ID}})
	must(d.t, err)
}

func TestASnoozeRemembersWhoWhenAndWhy(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		ticket := d.Ticket(desktest.Customer)
		d.status(ticket, core.StatusEscalated)
		d.Do(desktest.Agent, route("PUT", ticket.ID), map[string]any{"until": "2026-03-02T20:00:00.123456789+09:00", "reason": "the spare part"}).Want(200)
		got := d.history(ticket, "").Current
		if got == nil {
			t.Fatal("the ticket is awake")
		}
		me := d.PersonID(desktest.Agent)
		if got.By.ID == nil || *got.By.ID != me || got.By.Name != "Anna Agent" || got.Reason != "the spare part" || got.Status != core.StatusEscalated {
			t.Errorf("%+v", got)
		}
		if until := time.Date(2026, 3, 2, 11, 0, 0, 123456000, time.UTC); !got.Until.Equal(until) || !got.SetAt.Equal(d.Now()) || got.WokeAt != nil || got.Why != "" {
			t.Errorf("%+v", got)
		}
	})
}

func TestSnoozesFollowOneAnother(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		other, ticket := d.snooze(for1h()), d.snooze(for1h())
		d.set(ticket, map[string]any{"preset": "4h"})
		d.Do(desktest.Agent, route("DELETE", ticket.ID), nil).Want(204)
		d.Do(desktest.Agent, route("DELETE", ticket.ID), nil).Want(204) // it is awake
		d.set(ticket, map[string]any{"preset": "tomorrow"})
		d.Leap(48 * time.Hour)
		h := d.history(ticket, "")
		var whys []snooze.Why
		for _, one := range h.History {
			whys = append(whys, one.Why)
		}
		if len(whys) != 3 || whys[0] != snooze.Due || whys[1] != snooze.Cleared || whys[2] != snooze.Replaced || h.Current != nil {
			t.Errorf("history %v, current %v", whys, h.Current)
		}
		if got, want := d.events(ticket), "snooze.set, "+"snooze.set, snooze.woken cleared, snooze.set, snooze.woken due"; got != want {
			t.Errorf("events: %s\nwant:   %s", got, want)
		}
		if got := d.events(other); got != "snooze.set, snooze.woken due" {
			t.Errorf("the other ticket: %s", got)
		}
	})
}

func TestTheHistoryHasPages(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		ticket := d.snooze(map[string]any{"preset": "1h", "reason": "0"})
		for i := 1; i < 6; i++ {
			d.set(ticket, map[string]any{"preset": "1h", "reason": strconv.Itoa(i)})
		}
		var reasons strings.Builder
		query := "?limit=2"
		for page := 0; ; page++ {
			h := d.history(ticket, query)
			if h.Current == nil || h.Current.Reason != "5" || len(h.History) > 2 || page > 3 {
				t.Fatalf("page %d: %+v", page, h)
			}
			for _, one := range h.History {
				reasons.WriteString(one.Reason)
			}
			if h.NextCursor == nil {
				break
			}
			query = "?limit=2&cursor=" + *h.NextCursor
		}
		if reasons.String() != "43210" {
			t.Errorf("history %s", reasons.String())
		}
		d.Do(desktest.Agent, route("GET", ticket.ID)+"?cursor=x", nil).Want(422)
		d.Do(desktest.Customer, route("GET", ticket.ID), nil).Want(403)
		d.Do(desktest.Customer, route("DELETE", ticket.ID), nil).Want(403)
		elsewhere(d, ticket)
		d.Do(desktest.Agent, route("GET", ticket.ID), nil).Want(404)
		d.Do(desktest.Agent, route("DELETE", ticket.ID), nil).Want(404)
	})
}

func TestAServiceRefusesCustomersToo(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var host core.Host
		d := open(t, db, core.Inline("asker", func(h core.Host) error { host = h; return nil }))
		ticket := d.snooze(for1h())
		asker, ok := core.Lookup[interface {
			Snoozed(ctx context.Context, tickets []int64) (map[int64]time.Time, error)
		}](host)
		if !ok {
			t.Fatal("no plugin tells what is snoozed")
		}
		until, err := asker.Snoozed(t.Context(), []int64{ticket.ID, d.Ticket(desktest.Customer).ID})
		if err != nil || len(until) != 1 || !until[ticket.ID].Equal(d.Now().Add(time.Hour)) {
			t.Errorf("%v, %v", until, err)
		}
		verbs, _ := core.Lookup[*snooze.Snoozes](host)
		_, err = verbs.Set(d.As(desktest.Customer), ticket.ID, d.Now().Add(time.Hour), "")
		if core.KindOf(err) != core.Forbidden {
			t.Errorf("a customer sets: %v", err)
		}
		if err := verbs.Wake(d.As(desktest.Customer), ticket.ID); core.KindOf(err) != core.Forbidden {
			t.Errorf("a customer wakes: %v", err)
		}
		set, err := verbs.Set(host.As(t.Context()), ticket.ID, d.Now().Add(time.Hour), "")
		if err != nil || set.By.ID != nil || set.By.Name != "asker" {
			t.Errorf("a plugin sets: %+v, %v", set, err)
		}
	})
}
