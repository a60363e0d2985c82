// Package worktime tells how much working time lies between two instants, and
// when so much of it will have passed. It knows no tickets and no database.
//
// What counts is decided by the clock on the wall, minute by minute: an instant
// is working time when its local date is no holiday and its local time lies in a
// span of its weekday. So an hour that the clocks repeat counts twice, and one
// that they skip does not count; a night shift ends at the midnight that begins
// a holiday.
package worktime

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // a machine without zones, such as a bare container, has them all the same
)

// Hours describes a calendar. The zero value is no calendar.
type Hours struct {
	Zone     string    // IANA name, such as "Europe/Zurich"
	Week     Week      // when is worked
	Holidays []Holiday // when is not
	National []string  // countries whose holidays count, such as "ch"; see Countries
}

// Calendar is compiled Hours. The nil Calendar is calendar time, in which every
// instant counts.
type Calendar struct {
	zone     *time.Location
	week     [7][]stretch
	holidays holidays
}

// New compiles hours. It fails with what is wrong with them, in a sentence.
func New(h Hours) (*Calendar, error) {
	zone, err := Zone(h.Zone)
	if err != nil {
		return nil, err
	}
	c := &Calendar{zone: zone}
	if c.week, err = h.Week.compile(); err != nil {
		return nil, err
	}
	if c.holidays, err = compileHolidays(h.Holidays, h.National); err != nil {
		return nil, err
	}
	if c.idle() {
		return nil, errors.New("no working time: give a weekday a span")
	}
	return c, nil
}

// Zone finds a time zone by its IANA name. "Local" is none: what the machine's
// zone is, is no property of a calendar.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no time zone: give an IANA name such as Europe/Zurich", name)
	}
	return zone, nil
}

func (c *Calendar) idle() bool {
	for _, day := range c.week {
		if len(day) > 0 {
			return false
		}
	}
	return true
}

// Pause is a time in which nothing counts. The zero To is a pause that lasts.
type Pause struct{ From, To time.Time }

// Elapsed is how much working time lies between two instants, without the
// pauses, which are in order and do not overlap.
func (c *Calendar) Elapsed(from, to time.Time, pauses []Pause) (sum time.Duration) {
	c.walk(from, to, pauses, func(a, b int64) bool {
		sum += time.Duration(b-a) * time.Microsecond
		return true
	})
	return sum
}

// horizon is how far ahead Due looks: a calendar may consist of holidays.
const horizon = 10 * 366 * 24 * time.Hour

// Due is when d of working time will have passed since from. It is false when
// that is never: a pause lasts, or there is not so much in ten years.
func (c *Calendar) Due(from time.Time, d time.Duration, pauses []Pause) (due time.Time, ok bool) {
	left := d.Microseconds()
	end := from.Add(horizon + d)
	for _, p := range pauses {
		if p.To.After(from) {
			end = end.Add(p.To.Sub(p.From))
		}
	}
	c.walk(from, end, pauses, func(a, b int64) bool {
		if left <= b-a {
			due, ok = time.UnixMicro(a+left).UTC(), true
			return false
		}
		left -= b - a
		return true
	})
	return due, ok
}

// walk yields the working time between two instants as stretches, in order and
// in microseconds since 1970, until yield returns false.
func (c *Calendar) walk(from, to time.Time, pauses []Pause, yield func(a, b int64) bool) {
	for _, p := range pauses {
		if !p.To.IsZero() && !p.To.After(from) {
			continue
		}
		if !p.From.Before(to) {
			break
		}
		if from.Before(p.From) && !c.run(from, p.From, yield) {
			return
		}
		if p.To.IsZero() {
			return
		}
		from = p.To
	}
	c.run(from, to, yield)
}

// run is walk without pauses. It goes from one change of the zone's offset to
// the next: in between, local time is the instant plus a number.
func (c *Calendar) run(from, to time.Time, yield func(a, b int64) bool) bool {
	for from.Before(to) {
		end := to
		if c == nil {
			return yield(from.UnixMicro(), end.UnixMicro())
		}
		local := from.In(c.zone)
		if _, change := local.ZoneBounds(); !change.IsZero() && change.Before(to) {
			end = change
		}
		_, offset := local.Zone()
		if !c.runLocal(from.UnixMicro(), end.UnixMicro(), int64(offset)*second, yield) {
			return false
		}
		from = end
	}
	return true
}

// In microseconds.
const (
	second = int64(time.Second / time.Microsecond)
	minute = 60 * second
	day    = dayMinutes * minute
)

// thursday is the weekday of the first of January 1970.
const thursday = 4

func (c *Calendar) runLocal(from, to, offset int64, yield func(a, b int64) bool) bool {
	from, to = from+offset, to+offset
	for n := floorDiv(from, day); n*day < to; n++ {
		spans := c.week[int(((n+thursday)%7+7)%7)]
		if len(spans) == 0 || c.holidays.on(n) {
			continue
		}
		for _, s := range spans {
			a, b := max(from, n*day+int64(s.from)*minute), min(to, n*day+int64(s.to)*minute)
			if a < b && !yield(a-offset, b-offset) {
				return false
			}
		}
	}
	return true
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}
