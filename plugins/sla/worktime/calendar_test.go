package worktime_test

import (
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/plugins/sla/worktime"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func nine2five(zone string, national ...string) worktime.Hours {
	day := []worktime.Span{"09:00-17:00"}
	return worktime.Hours{Zone: zone, Week: worktime.Week{Monday: day, Tuesday: day, Wednesday: day, Thursday: day, Friday: day}, National: national}
}

func TestDueTimesByHand(t *testing.T) {
	t.Parallel()
	night := worktime.Hours{Zone: "Europe/Berlin", Week: worktime.Week{Saturday: []worktime.Span{"22:00-06:00"}}}
	for name, row := range map[string]struct {
		hours worktime.Hours
		from  string
		hold  [2]string
		d     time.Duration
		due   string
	}{
		"to the microsecond":             {hours: nine2five("UTC"), from: "2026-03-02T16:59:59.999999Z", d: time.Microsecond, due: "2026-03-02T17:00:00Z"},
		"over a weekend":                 {hours: nine2five("UTC"), from: "2026-03-06T16:00:00Z", d: 2 * time.Hour, due: "2026-03-09T10:00:00Z"},
		"before the day begins":          {hours: nine2five("UTC"), from: "2026-03-02T03:00:00Z", d: time.Hour, due: "2026-03-02T10:00:00Z"},
		"over Easter in Germany":         {hours: nine2five("Europe/Berlin", "de"), from: "2026-04-02T14:00:00Z", d: 2 * time.Hour, due: "2026-04-07T08:00:00Z"},
		"over the third of October":      {hours: nine2five("Europe/Berlin", "de"), from: "2025-10-02T14:30:00Z", d: time.Hour, due: "2025-10-06T07:30:00Z"},
		"observed on the Friday before":  {hours: nine2five("America/New_York", "us"), from: "2026-07-02T20:00:00Z", d: 2 * time.Hour, due: "2026-07-06T14:00:00Z"},
		"a night that is an hour longer": {hours: night, from: "2026-10-24T20:00:00Z", d: 9 * time.Hour, due: "2026-10-25T05:00:00Z"},
		"a night that is an hour less":   {hours: night, from: "2026-03-28T21:00:00Z", d: 7 * time.Hour, due: "2026-03-29T04:00:00Z"},
		"with a pause in it":             {hours: nine2five("UTC"), from: "2026-03-02T10:00:00Z", hold: [2]string{"2026-03-02T11:00:00Z", "2026-03-03T11:00:00Z"}, d: 2 * time.Hour, due: "2026-03-03T12:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := worktime.New(row.hours)
			if err != nil {
				t.Fatal(err)
			}
			var pauses []worktime.Pause
			if row.hold[0] != "" {
				pauses = []worktime.Pause{{From: at(t, row.hold[0]), To: at(t, row.hold[1])}}
			}
			due, ok := c.Due(at(t, row.from), row.d, pauses)
			if !ok || !due.Equal(at(t, row.due)) {
				t.Errorf("due at %v %v, want %s", due, ok, row.due)
			}
			if got := c.Elapsed(at(t, row.from), due, pauses); got != row.d {
				t.Errorf("until then %v have passed, want %v", got, row.d)
			}
		})
	}
}

// TestEachCountryHasHolidays: also one that rests on the first of January.
func TestEachCountryHasHolidays(t *testing.T) {
	t.Parallel()
	for _, country := range worktime.Countries() {
		c, err := worktime.New(worktime.Hours{Zone: "UTC", Week: nine2five("UTC").Week, National: []string{country}})
		if err != nil {
			t.Fatal(err)
		}
		year := c.Elapsed(at(t, "2027-01-01T00:00:00Z"), at(t, "2028-01-01T00:00:00Z"), nil)
		if rested := 261 - int(year/(8*time.Hour)); rested < 3 || rested > 25 {
			t.Errorf("%s rests on %d days of the week in 2027", country, rested)
		}
	}
}
