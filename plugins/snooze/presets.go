package snooze

import (
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// Preset is the end of a snooze in the words of an agent's day.
type Preset string

// The presets. Tomorrow and NextWeek end when the day starts, the latter on the
// Monday that comes next.
const (
	OneHour   Preset = "1h"
	FourHours Preset = "4h"
	Tomorrow  Preset = "tomorrow"
	NextWeek  Preset = "next_week"
)

// Values lists the presets.
func (Preset) Values() []string {
	return []string{string(OneHour), string(FourHours), string(Tomorrow), string(NextWeek)}
}

// from is when the preset ends, for somebody in the zone of now.
func (p Preset) from(now time.Time, dayStarts TimeOfDay) time.Time {
	switch p {
	case OneHour:
		return now.Add(time.Hour)
	case FourHours:
		return now.Add(4 * time.Hour)
	case Tomorrow:
		return dayStarts.on(now, 1)
	case NextWeek: // below
	}
	sinceMonday := (int(now.Weekday()) + 6) % 7
	return dayStarts.on(now, 7-sinceMonday)
}

// TimeOfDay is a time such as "09:00". In a Config, "" is the default.
type TimeOfDay string

const timeOfDay = "15:04"

// MarshalText writes the time.
func (c TimeOfDay) MarshalText() ([]byte, error) { return []byte(c), nil }

// UnmarshalText reads a time, of two digits each.
func (c *TimeOfDay) UnmarshalText(text []byte) error {
	*c = TimeOfDay(text)
	return c.check()
}

func (c TimeOfDay) check() error {
	if t, err := time.Parse(timeOfDay, string(c)); err != nil || t.Format(timeOfDay) != string(c) {
		return core.Errorf(core.Invalid, "must be a time of day such as 09:00, not %q", string(c))
	}
	return nil
}

// on is that time so many days after t, in the zone of t. Where the clocks skip
// it, it is as much later as they skip.
func (c TimeOfDay) on(t time.Time, days int) time.Time {
	at, _ := time.Parse(timeOfDay, string(c)) // check has seen it
	year, month, day := t.Date()
	due := time.Date(year, month, day+days, at.Hour(), at.Minute(), 0, 0, t.Location())
	if due.Format(timeOfDay) == string(c) {
		return due
	}
	_, before := due.AddDate(0, 0, -1).Zone()
	return time.Date(year, month, day+days, at.Hour(), at.Minute(), 0, 0, time.FixedZone("", before)).In(t.Location())
}
