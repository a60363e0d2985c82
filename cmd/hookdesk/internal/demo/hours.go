package demo

import "time"

func (p *planner) between(from, to time.Duration) time.Duration {
	return from + time.Duration(p.Float64()*p.Float64()*float64(to-from))
}

// office moves t into the hours in which agents work.
func (p *planner) office(t time.Time) time.Time { return p.within(t, 8, 17, true) }

// waking moves t into the hours in which customers write.
func (p *planner) waking(t time.Time) time.Time { return p.within(t, 6, 21, p.IntN(4) > 0) }

func (p *planner) within(t time.Time, from, to int, weekdays bool) time.Time {
	for t.Hour() < from || t.Hour() >= to || weekdays && (t.Weekday() == time.Saturday || t.Weekday() == time.Sunday) {
		t = t.Truncate(time.Hour).Add(time.Hour + time.Duration(p.IntN(3600))*time.Second)
	}
	return t
}
