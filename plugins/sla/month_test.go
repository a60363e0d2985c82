package sla_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/sla"
)

// TestAMonthByTheSheet plays March 2026 in an office in Zurich, whose clocks go
// forward on the 29th and which rests on the 19th. Hours are 08:00-12:00 and
// 13:00-17:00; a first response has 4 of them, a resolution 16. The sheet was made
// by hand, in UTC:
//
//	ticket  opened         first response               resolution
//	one     Mon 02, 10:00  due Mon 15:00, kept at 14:00  rests Mon 14:00 to Wed 11:00; due Thu 05, 17:00 = 16:00 UTC: broken
//	two     Fri 06, 16:30  due Mon 09, 11:30 = 10:30 UTC: broken   due Tue 10, 16:30 = 15:30 UTC: broken
//	three   Wed 18, 14:00  due Fri 20, 09:00, kept at it  rests from then on; resolved Mon 23
//	four    Fri 27, 15:00  due Mon 30, 10:00 = 08:00 UTC: broken   due Tue 31, 15:00 = 13:00 UTC: broken
func TestAMonthByTheSheet(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		c := office()
		c["holidays"] = []map[string]any{{"date": "2026-03-19", "name": "Josefstag"}}
		d.calendar(c)
		id := d.policy(map[string]any{"calendar_id": 1, "targets": every(240, 0, 960)})
		start := d.Now()
		one := d.Ticket(desktest.Customer)
		d.at("02T13:00")
		d.reply(desktest.Agent, one, nil)
		d.at("04T10:00")
		d.reply(desktest.Customer, one, nil)
		d.at("06T15:30")
		two := d.Ticket(desktest.Customer)
		d.at("18T13:00")
		three := d.Ticket(desktest.Customer)
		d.at("20T08:00")
		d.reply(desktest.Agent, three, nil)
		d.at("23T12:00")
		d.change(three, map[string]any{"status": "resolved"})
		d.at("27T14:00")
		four := d.Ticket(desktest.Customer)
		d.at("31T23:00")

		want := []string{
			"03-05 16:00 one resolution", "03-09 10:30 two first_response", "03-10 15:30 two resolution",
			"03-30 08:00 four first_response", "03-31 13:00 four resolution",
		}
		names := map[int64]string{one.ID: "one", two.ID: "two", three.ID: "three", four.ID: "four"}
		if got := d.breaches(names); !slices.Equal(got, want) {
			t.Errorf("broken was\n%s\nby the sheet\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		d.wantClocks(one, "first_response met 3h0m0s/4h0m0s, resolution running "+d.elapsed(one)+"/16h0m0s")
		d.wantClocks(three, "first_response met 4h0m0s/4h0m0s, resolution met 4h0m0s/16h0m0s")

		var replayed sla.Replayed
		before := len(d.Events(0))
		d.Do(desktest.Admin, "POST /api/sla/replay", map[string]any{"policy_id": id, "from": start, "to": start.AddDate(0, 1, 0)}).Want(200).JSON(&replayed)
		if len(d.Events(0)) != before {
			t.Error("the replay changed something")
		}
		if replayed.Tickets != 4 || replayed.FirstResponse != (sla.Tally{Met: 2, Missed: 2}) || replayed.Resolution != (sla.Tally{Met: 1, Missed: 3}) {
			t.Errorf("%+v", replayed)
		}
		strict := map[string]any{"name": "strict", "targets": byHours("calendar", 60, 0, 0), "conditions": map[string]any{"types": []string{"question"}}}
		d.Do(desktest.Admin, "POST /api/sla/replay", map[string]any{"policy": strict, "from": start, "to": start.AddDate(0, 1, 0)}).Want(200).JSON(&replayed)
		if replayed.FirstResponse != (sla.Tally{Missed: 4}) || replayed.Worst[0].Ticket != two.ID {
			t.Errorf("%+v", replayed)
		}
	})
}

// at lets the clock be at a day of March 2026.
func (d desk) at(day string) {
	d.t.Helper()
	then, err := time.Parse("2006-01-02T15:04", "2026-03-"+day)
	if err != nil {
		d.t.Fatal(err)
	}
	d.Leap(then.Sub(d.Now()))
}

func (d desk) elapsed(ticket core.Ticket) string {
	s := d.standing(ticket)
	return (time.Duration(s.Clocks[0].Elapsed) * time.Second).String()
}

// breaches are those that were told, in order of the times at which they were.
func (d desk) breaches(names map[int64]string) (lines []string) {
	d.t.Helper()
	for _, e := range d.Events(0) {
		var alarm sla.Alarm
		if e.Type != "sla.breached" {
			continue
		}
		if err := json.Unmarshal([]byte(e.Payload), &alarm); err != nil {
			d.t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", alarm.At.Format("01-02 15:04"), names[alarm.Ticket.ID], alarm.Kind))
	}
	slices.Sort(lines)
	return lines
}
