package snooze_test

import (
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

func TestPresetsEndInTheAgentsDay(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		zone   string
		now    string // UTC; 2026-03-02 is a Monday
		starts string // of the day; "09:00"
		preset string
		want   string
	}{
		"an hour":                        {"Europe/Zurich", "2026-03-02 09:00", "", "1h", "2026-03-02 11:00 +01:00"},
		"an hour in which the clocks go": {"Europe/Zurich", "2026-03-29 00:30", "", "1h", "2026-03-29 03:30 +02:00"},
		"four hours":                     {"Europe/Zurich", "2026-03-02 09:00", "", "4h", "2026-03-02 14:00 +01:00"},
		"tomorrow":                       {"Europe/Zurich", "2026-03-02 09:00", "", "tomorrow", "2026-03-03 09:00 +01:00"},
		"tomorrow, when it is tomorrow elsewhere":  {"Europe/Zurich", "2026-03-02 23:30", "", "tomorrow", "2026-03-04 09:00 +01:00"},
		"tomorrow, the clocks have gone forward":   {"Europe/Zurich", "2026-03-28 15:00", "", "tomorrow", "2026-03-29 09:00 +02:00"},
		"tomorrow, the clocks have gone back":      {"Europe/Zurich", "2026-10-24 15:00", "", "tomorrow", "2026-10-25 09:00 +01:00"},
		"tomorrow at half past eight":              {"Europe/Zurich", "2026-03-02 09:00", "08:30", "tomorrow", "2026-03-03 08:30 +01:00"},
		"tomorrow in New York":                     {"America/New_York", "2026-03-07 20:00", "", "tomorrow", "2026-03-08 09:00 -04:00"},
		"tomorrow in Kathmandu":                    {"Asia/Kathmandu", "2026-03-02 18:20", "", "tomorrow", "2026-03-04 09:00 +05:45"},
		"tomorrow in Apia":                         {"Pacific/Apia", "2026-03-02 10:59", "", "tomorrow", "2026-03-03 09:00 +13:00"},
		"tomorrow in Apia, where it is already":    {"Pacific/Apia", "2026-03-02 11:00", "", "tomorrow", "2026-03-04 09:00 +13:00"},
		"tomorrow without a zone":                  {"", "2026-03-02 23:30", "", "tomorrow", "2026-03-03 09:00 +00:00"},
		"tomorrow in a zone that does not exist":   {"Europe/Atlantis", "2026-03-02 23:30", "", "tomorrow", "2026-03-03 09:00 +00:00"},
		"a time that the clocks skip":              {"Europe/Zurich", "2026-03-28 15:00", "02:30", "tomorrow", "2026-03-29 03:30 +02:00"},
		"a time that they skip in the west":        {"America/New_York", "2026-03-07 20:00", "02:30", "tomorrow", "2026-03-08 03:30 -04:00"},
		"a midnight that they skip":                {"Africa/Cairo", "2026-04-23 12:00", "00:00", "tomorrow", "2026-04-24 01:00 +03:00"},
		"next week, on a Monday":                   {"Europe/Zurich", "2026-03-02 09:00", "", "next_week", "2026-03-09 09:00 +01:00"},
		"next week, early on a Monday":             {"Europe/Zurich", "2026-03-02 03:00", "", "next_week", "2026-03-09 09:00 +01:00"},
		"next week, on a Sunday":                   {"Europe/Zurich", "2026-03-08 09:00", "", "next_week", "2026-03-09 09:00 +01:00"},
		"next week, on a Saturday":                 {"Europe/Zurich", "2026-03-07 09:00", "", "next_week", "2026-03-09 09:00 +01:00"},
		"next week, over the change of the clocks": {"Europe/Zurich", "2026-03-25 09:00", "", "next_week", "2026-03-30 09:00 +02:00"},
		"next week in Apia, Monday there":          {"Pacific/Apia", "2026-03-08 12:00", "", "next_week", "2026-03-16 09:00 +13:00"},
		"next week in Kathmandu, over a new year":  {"Asia/Kathmandu", "2026-12-30 09:00", "", "next_week", "2027-01-04 09:00 +05:45"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := desktest.New(t, desktest.SQLite, snooze.New(snooze.Config{DayStartsAt: snooze.TimeOfDay(row.starts)}))
			ticket := d.Ticket(desktest.Customer)
			now, err := time.ParseInLocation("2006-01-02 15:04", row.now, time.UTC)
			must(t, err)
			d.Leap(now.Sub(d.Now()))
			agent := desktest.Who{Identity: core.Identity{UserID: "nomad", Role: core.Agent, TimeZone: row.zone}}
			var set snooze.Snooze
			d.Do(agent, route("PUT", ticket.ID), map[string]any{"preset": row.preset}).Want(200).JSON(&set)
			zone := core.Person{TimeZone: row.zone}.Location()
			if got := set.Until.In(zone).Format("2006-01-02 15:04 -07:00"); got != row.want {
				t.Errorf("until %s, want %s", got, row.want)
			}
		})
	}
}

func TestSettingsTakeEffectAtOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		ticket := d.snooze(map[string]any{"preset": "tomorrow"})
		settings("07:15", 3)(d, ticket)
		d.set(ticket, map[string]any{"preset": "tomorrow"})
		if got := d.history(ticket, "").Current.Until; !got.Equal(time.Date(2026, 3, 3, 6, 15, 0, 0, time.UTC)) {
			t.Errorf("tomorrow is %v", got)
		}
		d.Do(desktest.Agent, route("PUT", ticket.ID), map[string]any{"until": d.in(73 * time.Hour)}).Want(422)
		for _, wrong := range []any{"9:00", "25:00", "nine", 9, nil} {
			value := map[string]any{"day_starts_at": wrong, "max_days": 3}
			d.Do(desktest.Admin, "PUT /api/settings/snooze", map[string]any{"value": value}).Want(422)
		}
	})
}

func TestAConfigThatIsWrongStartsNoDesk(t *testing.T) {
	t.Parallel()
	for _, c := range []snooze.Config{{DayStartsAt: "nine"}, {MaxDays: -1}, {MaxDays: 3651}} {
		db, err := core.Open("sqlite:" + t.TempDir() + "/desk.db")
		must(t, err)
		if _, err := core.New(core.Config{DB: db, Plugins: []core.Plugin{snooze.New(c)}}); err == nil {
			t.Errorf("%+v starts", c)
		}
		pool, err := db.DB()
		must(t, err)
		must(t, pool.Close())
	}
}
