package sla_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/sla"
)

func TestWhatCannotBePromisedIsRefused(t *testing.T) {
	t.Parallel()
	week := func(monday ...string) map[string]any {
		return map[string]any{"name": "x", "zone": "Europe/Zurich", "hours": map[string]any{"monday": append([]string{}, monday...)}}
	}
	with := func(c map[string]any, key string, v any) map[string]any { c[key] = v; return c }
	for name, row := range map[string]struct {
		route string
		body  map[string]any
		says  string
	}{
		"overlapping spans":           {"calendars", week("09:00-12:00", "11:00-13:00"), "spans overlap at 11:00"},
		"over midnight":               {"calendars", with(week("22:00-06:00"), "hours", map[string]any{"monday": []string{"22:00-06:00"}, "tuesday": []string{"05:00-07:00"}}), "spans overlap at 05:00"},
		"an empty span":               {"calendars", week("09:00-09:00"), "the whole day is 00:00-24:00"},
		"a time of no day":            {"calendars", week("09:00-24:30"), "no day has"},
		"no span":                     {"calendars", week("nine to five"), "is not a span such as"},
		"never open":                  {"calendars", week(), "no working time"},
		"a zone that does not exist":  {"calendars", with(week("09:00-12:00"), "zone", "Europe/Atlantis"), `"field":"zone"`},
		"the machine's zone":          {"calendars", with(week("09:00-12:00"), "zone", "Local"), "is no time zone"},
		"a day that does not exist":   {"calendars", with(week("09:00-12:00"), "holidays", []map[string]any{{"date": "02-30"}}), "is no date"},
		"a country without holidays":  {"calendars", with(week("09:00-12:00"), "national", []string{"xx"}), "no holidays of"},
		"a name of blanks":            {"calendars", with(week("09:00-12:00"), "name", "  "), `"field":"name"`},
		"zero minutes":                {"policies", map[string]any{"name": "x", "targets": map[string]any{"low": map[string]any{"resolution": map[string]any{"minutes": 0}}}}, "minutes"},
		"nothing":                     {"policies", map[string]any{"name": "x", "targets": map[string]any{}}, "promise something"},
		"business hours of no office": {"policies", map[string]any{"name": "x", "targets": every(60, 0, 0)}, `"field":"calendar_id"`},
		"no such calendar":            {"policies", map[string]any{"name": "x", "calendar_id": 99, "targets": every(60, 0, 0)}, "there is no calendar 99"},
		"rest when it is over":        {"policies", map[string]any{"name": "x", "pause_in": []string{"resolved"}, "targets": byHours("calendar", 60, 0, 0)}, `"field":"pause_in"`},
		"no such department":          {"policies", map[string]any{"name": "x", "conditions": map[string]any{"departments": []int64{999}}, "targets": byHours("calendar", 60, 0, 0)}, "there is no department 999"},
		"no such tag":                 {"policies", map[string]any{"name": "x", "conditions": map[string]any{"tags": []int64{999}}, "targets": byHours("calendar", 60, 0, 0)}, "there is no tag 999"},
		"no such type":                {"policies", map[string]any{"name": "x", "conditions": map[string]any{"types": []string{"complaint"}}, "targets": byHours("calendar", 60, 0, 0)}, `no tickets of the type`},
		"no such requester":           {"policies", map[string]any{"name": "x", "conditions": map[string]any{"requesters": []int64{999}}, "targets": byHours("calendar", 60, 0, 0)}, "there is no person 999"},
		"a default with conditions":   {"policies", map[string]any{"name": "x", "is_default": true, "conditions": map[string]any{"types": []string{"question"}}, "targets": byHours("calendar", 60, 0, 0)}, `"field":"conditions"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, desktest.SQLite)
			answer := d.Do(desktest.Admin, "POST /api/sla/"+row.route, row.body).Want(422)
			if !strings.Contains(string(answer.Body), row.says) {
				t.Errorf("%s does not say %s", answer, row.says)
			}
		})
	}
}

func TestADayOf24HoursAndHolidaysForEver(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		all := []string{"00:00-24:00"}
		hours := map[string]any{"monday": all, "tuesday": all, "wednesday": all, "thursday": all, "friday": all, "saturday": all, "sunday": all}
		always := d.calendar(map[string]any{"name": "always", "zone": "Asia/Kathmandu", "hours": hours})
		var days []map[string]any
		for day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == 2000; day = day.AddDate(0, 0, 1) {
			days = append(days, map[string]any{"date": day.Format("01-02")})
		}
		never := d.calendar(map[string]any{"name": "never", "zone": "Asia/Kathmandu", "hours": hours, "holidays": days})
		d.policy(map[string]any{"calendar_id": always, "targets": every(60, 0, 0)})
		d.policy(map[string]any{"name": "never", "is_default": false, "calendar_id": never, "conditions": map[string]any{"priorities": []string{"urgent"}}, "targets": every(60, 0, 0)})
		ticket := d.Ticket(desktest.Customer)
		if s := d.standing(ticket); s.DueAt == nil || !s.DueAt.Equal(d.Now().Add(time.Hour)) || s.Clocks[0].Never != "" {
			t.Errorf("%+v", s)
		}
		d.change(ticket, map[string]any{"priority": "urgent"})
		if s := d.standing(ticket); s.DueAt != nil || s.Clocks[0].Remaining != 3600 || !strings.Contains(s.Clocks[0].Never, "less working time") {
			t.Errorf("%+v", s)
		}
		d.pass(1000 * time.Hour)
		d.wantClocks(ticket, "first_response running 0s/1h0m0s")
	})
}

func TestTwoAdminsNeverOverwriteEachOther(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		calendar := d.calendar(office())
		policy := map[string]any{"name": "Gold", "calendar_id": calendar, "targets": every(60, 0, 0), "is_default": true}
		id := idOf(d.Do(desktest.Admin, "POST /api/sla/policies", policy).Want(201))
		d.Do(desktest.Admin, "POST /api/sla/policies", policy).Want(422) // one default
		route := fmt.Sprintf("PUT /api/sla/policies/%d", id)
		policy["version"] = 1
		first := d.Do(desktest.Admin, route, policy).Want(200)
		if first.Header.Get("ETag") != `"2"` {
			t.Errorf("the ETag is %s", first.Header.Get("ETag"))
		}
		d.Do(desktest.Admin, route, policy).Want(409)
		delete(policy, "version")
		d.Do(desktest.Admin, route, policy).Want(422)
		d.DoWith(desktest.Admin, route, policy, http.Header{"If-Match": {`"1"`}}).Want(409)
		d.DoWith(desktest.Admin, route, policy, http.Header{"If-Match": {`"2"`}}).Want(200)
		c := office()
		c["version"] = 7
		d.Do(desktest.Admin, fmt.Sprintf("PUT /api/sla/calendars/%d", calendar), c).Want(409)
		d.Do(desktest.Admin, fmt.Sprintf("DELETE /api/sla/calendars/%d", calendar), nil).Want(409)
		d.Do(desktest.Admin, strings.Replace(route, "PUT", "DELETE", 1), nil).Want(204)
		d.Do(desktest.Admin, strings.Replace(route, "PUT", "DELETE", 1), nil).Want(404)
		policy["version"] = 3
		d.Do(desktest.Admin, route, policy).Want(404)
		d.Do(desktest.Admin, fmt.Sprintf("DELETE /api/sla/calendars/%d", calendar), nil).Want(204)
		d.Do(desktest.Agent, "POST /api/sla/calendars", office()).Want(403)
	})
}

// TestClocksThatRunKeepTheirTerms until they are put under those of now; also
// when the policy is deleted.
func TestClocksThatRunKeepTheirTerms(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		calendar := d.calendar(office())
		id := d.policy(map[string]any{"calendar_id": calendar, "targets": every(60, 0, 0)})
		old := d.Ticket(desktest.Customer)
		due := func(ticket core.Ticket) string { return d.standing(ticket).DueAt.Format("15:04") }
		route := fmt.Sprintf("/api/sla/policies/%d", id)
		change := map[string]any{"name": "Gold", "is_default": true, "calendar_id": calendar, "targets": every(120, 0, 0), "version": 1}
		d.Do(desktest.Admin, "PUT "+route, change).Want(200)
		early := office()
		early["version"] = 1
		early["hours"] = map[string]any{"monday": []string{"06:00-10:30", "13:00-14:00", "15:00-17:00"}}
		d.Do(desktest.Admin, fmt.Sprintf("PUT /api/sla/calendars/%d", calendar), early).Want(200)
		young := d.Ticket(desktest.Customer)
		if due(old) != "10:00" || due(young) != "14:30" {
			t.Errorf("the old one is due at %s, the young one at %s", due(old), due(young))
		}
		if s := d.standing(old); s.Policy.Version != 1 {
			t.Errorf("%+v", s.Policy)
		}
		d.change(old, map[string]any{"priority": "high"}) // the same policy: as it was
		if due(old) != "10:00" {
			t.Errorf("after another priority, the old one is due at %s", due(old))
		}
		var applied struct {
			Tickets int
			Next    int64
		}
		d.Do(desktest.Admin, "POST "+route+"/reapply", map[string]any{}).Want(200).JSON(&applied)
		if applied.Tickets != 2 || applied.Next != 0 || due(old) != "14:30" {
			t.Errorf("%+v, and the old one is due at %s", applied, due(old))
		}
		d.Do(desktest.Admin, "DELETE "+route, nil).Want(204)
		d.reply(desktest.Agent, old, nil)
		d.wantClocks(old, "first_response met 0s/2h0m0s")
		if s := d.standing(young); s.Policy.Name != "Gold" || s.Calendar.Zone != "Europe/Zurich" {
			t.Errorf("%+v", s)
		}
	})
}

func TestADueTimeIsExplained(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.policy(map[string]any{"calendar_id": d.calendar(office()), "targets": every(0, 0, 240)})
		ticket := d.Ticket(desktest.Customer) // Monday, 10:00 in Zurich
		d.pass(time.Hour)
		d.change(ticket, map[string]any{"status": "waiting_on_customer"})
		d.pass(2 * time.Hour)
		d.change(ticket, map[string]any{"status": "open"})
		d.pass(30 * time.Minute)
		s := d.standing(ticket)
		clock := s.Clocks[0]
		if clock.Target != 4*3600 || clock.Elapsed != 90*60 || clock.Remaining != 150*60 || clock.DueAt.Format("15:04") != "15:00" {
			t.Errorf("%+v", clock)
		}
		var lines []string
		for _, part := range clock.Segments {
			lines = append(lines, fmt.Sprintf("%s-%s %s %d", part.From.Format("15:04"), part.To.Format("15:04"), part.Rests, part.Counted/60))
		}
		if got := strings.Join(lines, ", "); got != "09:00-10:00  60, 10:00-12:00 status 0, 12:00-12:30  30" {
			t.Error(got)
		}
		if s.Calendar.Name != "Office" || s.Why != "every ticket" || len(s.Pauses) != 1 || len(s.Held) != 0 {
			t.Errorf("%+v", s)
		}
		d.Do(desktest.Customer, fmt.Sprintf("GET /api/tickets/%d/sla", ticket.ID), nil).Want(403)
	})
}

func TestQueuesAreFilteredAndSortedByWhatIsDue(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		none := d.Ticket(desktest.Customer)
		targets := byHours("calendar", 0, 0, 60)
		targets["urgent"] = map[string]any{"resolution": map[string]any{"minutes": 15, "hours": "calendar"}}
		d.policy(map[string]any{"targets": targets})
		first := d.Ticket(desktest.Customer)
		d.pass(10 * time.Minute)
		second, paused, urgent := d.Ticket(desktest.Customer), d.Ticket(desktest.Customer), d.Ticket(desktest.Customer)
		d.change(urgent, map[string]any{"priority": "urgent"})
		d.change(paused, map[string]any{"status": "waiting_on_customer"})
		d.pass(16 * time.Minute)
		for query, want := range map[string][]int64{
			"sort=sla_due":                          {urgent.ID, first.ID, second.ID},
			"sort=-sla_due":                         {second.ID, first.ID, urgent.ID},
			"sort=sla_due&priority=medium":          {first.ID, second.ID},
			"sort=sla_due&sla=breached":             {urgent.ID},
			"sort=created&sla=due":                  {first.ID, second.ID, urgent.ID},
			"sort=created&sla=paused":               {paused.ID},
			"sort=created&sla=none":                 {none.ID},
			"sort=sla_due&tag=no-such":              nil,
			"sort=sla_due&assignee=none&open=true":  {urgent.ID, first.ID, second.ID},
			"sort=sla_due&department=7&status=open": {},
		} {
			if want == nil {
				d.Do(desktest.Agent, "GET /api/tickets?"+query, nil).Want(422)
				continue
			}
			if got := d.walk(query); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
		}
		d.Do(desktest.Customer, "GET /api/tickets?sort=sla_due", nil).Want(422)
		d.Do(desktest.Agent, "GET /api/tickets?sort=sla_due&q=work", nil).Want(422)
		var page struct {
			Tickets []struct {
				ID     int64
				Extras struct {
					SLA struct {
						Policy           string
						Kind             sla.Kind
						Breached, Paused bool
					}
				}
			}
		}
		d.Do(desktest.Agent, "GET /api/tickets?sort=-created&limit=2", nil).Want(200).JSON(&page)
		if got := fmt.Sprint(page.Tickets[0].Extras.SLA, page.Tickets[1].Extras.SLA); got != "{Gold resolution true false} {Gold  false true}" {
			t.Error(got)
		}
		if body := string(d.Do(desktest.Customer, "GET /api/tickets", nil).Want(200).Body); strings.Contains(body, "extras") {
			t.Errorf("a customer reads %s", body)
		}
	})
}

// walk are the ids of a list, read in pages of one.
func (d desk) walk(query string) []int64 {
	d.t.Helper()
	ids, cursor := []int64{}, ""
	for {
		var page struct {
			Tickets    []struct{ ID int64 }
			NextCursor string `json:"next_cursor"`
		}
		d.Do(desktest.Agent, "GET /api/tickets?limit=1&"+query+"&cursor="+cursor, nil).Want(200).JSON(&page)
		for _, one := range page.Tickets {
			ids = append(ids, one.ID)
		}
		if cursor = page.NextCursor; cursor == "" {
			return ids
		}
	}
}
