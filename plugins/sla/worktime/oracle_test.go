package worktime

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// zones have what calendars trip over: offsets of half an hour, summer time of
// half an hour, a day that never was, summer time that pauses in Ramadan, that was
// given up, or that begins at midnight.
var zones = []string{
	"Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo", "Asia/Tehran", "Europe/Zurich",
	"America/New_York", "America/St_Johns", "Pacific/Chatham", "Asia/Beirut", "Africa/Cairo", "America/Asuncion", "Antarctica/Troll", "Europe/Dublin", "UTC",
}

// oracle counts minute by minute, by the wall clock, as a person would. It
// shares no code with the engine.
type oracle struct {
	zone     *time.Location
	holidays []string
	spans    [7][][2]int // by weekday: from and to in minutes of the day; to before from is on the next day
	pauses   []Pause
}

func newOracle(h Hours, zone *time.Location, pauses []Pause) oracle {
	o := oracle{zone: zone, pauses: pauses}
	for _, one := range h.Holidays {
		o.holidays = append(o.holidays, one.Date)
	}
	for day, spans := range h.Week.days() {
		for _, s := range spans {
			var n [4]int
			if _, err := fmt.Sscanf(string(s), "%d:%d-%d:%d", &n[0], &n[1], &n[2], &n[3]); err != nil {
				panic(err)
			}
			o.spans[day] = append(o.spans[day], [2]int{n[0]*60 + n[1], n[2]*60 + n[3]})
		}
	}
	return o
}

func (o oracle) works(at time.Time) bool {
	for _, p := range o.pauses {
		if !at.Before(p.From) && (p.To.IsZero() || at.Before(p.To)) {
			return false
		}
	}
	local := at.In(o.zone)
	if !o.open(local) {
		return false
	}
	for _, day := range o.holidays {
		if date := local.Format(time.DateOnly); day == date || day == date[5:] {
			return false
		}
	}
	return true
}

func (o oracle) open(local time.Time) bool {
	now, today := local.Hour()*60+local.Minute(), int(local.Weekday())
	for _, s := range o.spans[today] {
		if now >= s[0] && (now < s[1] || s[1] < s[0]) {
			return true
		}
	}
	for _, s := range o.spans[(today+6)%7] {
		if s[1] < s[0] && now < s[1] {
			return true
		}
	}
	return false
}

// check walks from one instant to another and compares, at the end, the time
// that has passed, and at one minute of it, when so much was due.
func (o oracle) check(c *Calendar, from, to time.Time, share float64) error {
	var worked []time.Time
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		if o.works(at) {
			worked = append(worked, at)
		}
	}
	if got, want := c.Elapsed(from, to, o.pauses), time.Duration(len(worked))*time.Minute; got != want {
		return fmt.Errorf("elapsed %v, and by the clock on the wall %v", got, want)
	}
	if len(worked) == 0 {
		return nil
	}
	n := int(share * float64(len(worked)-1))
	due, ok := c.Due(from, time.Duration(n+1)*time.Minute, o.pauses)
	if want := worked[n].Add(time.Minute); !ok || !due.Equal(want) {
		return fmt.Errorf("minute %d is due at %v %v, and by the clock on the wall at %v", n+1, due, ok, want)
	}
	return nil
}

// trial is one case.
type trial struct {
	h        Hours
	from, to time.Time
	pauses   []Pause
}

// chance makes a case.
func chance(r *rand.Rand) (one trial) {
	h := Hours{Zone: zones[r.IntN(len(zones))]}
	for _, day := range []*[]Span{&h.Week.Monday, &h.Week.Tuesday, &h.Week.Wednesday, &h.Week.Thursday, &h.Week.Friday, &h.Week.Saturday, &h.Week.Sunday} {
		*day = someSpans(r)
	}
	zone, err := time.LoadLocation(h.Zone)
	if err != nil {
		panic(err)
	}
	from := time.Date(2005+r.IntN(35), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
	if r.IntN(2) == 0 { // around a change of the clocks
		if _, end := from.In(zone).ZoneBounds(); !end.IsZero() {
			from = end.Truncate(time.Minute).Add(-time.Duration(r.IntN(2*dayMinutes)) * time.Minute)
		}
	}
	if strings.HasSuffix(h.Zone, "Apia") && r.IntN(2) == 0 {
		from = time.Date(2011, 12, 27, r.IntN(96), r.IntN(60), 0, 0, time.UTC)
	}
	to := from.Add(time.Duration(1+r.IntN(5*dayMinutes)) * time.Minute)
	for range r.IntN(3) {
		date := from.In(zone).AddDate(0, 0, r.IntN(6)).Format(time.DateOnly)
		h.Holidays = append(h.Holidays, Holiday{Date: date[5*r.IntN(2):]})
	}
	one = trial{h: h, from: from, to: to}
	for at := from; r.IntN(3) > 0; {
		p := Pause{From: at.Add(time.Duration(r.IntN(dayMinutes)) * time.Minute)}
		if r.IntN(6) == 0 {
			one.pauses = append(one.pauses, p)
			return one
		}
		p.To = p.From.Add(time.Duration(r.IntN(dayMinutes)) * time.Minute)
		one.pauses, at = append(one.pauses, p), p.To
	}
	return one
}

func someSpans(r *rand.Rand) (spans []Span) {
	ends := make([]int, 2*r.IntN(3))
	for i := range ends {
		ends[i] = r.IntN(dayMinutes + 1)
	}
	slices.Sort(ends)
	for i := 0; i < len(ends); i += 2 {
		if from, to := ends[i], ends[i+1]; from < to {
			spans = append(spans, Span(fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, to/60, to%60)))
		}
	}
	if last := len(ends) - 2; last >= 0 && ends[last] > 0 && ends[last+1] > ends[last] && r.IntN(3) == 0 { // a night shift
		spans[len(spans)-1] = Span(fmt.Sprintf("%02d:%02d-%02d:%02d", ends[last]/60, ends[last]%60, r.IntN(ends[last])/60, 0))
	}
	return spans
}

// TestTheEngineAgreesWithTheClockOnTheWall runs HOOKDESK_ORACLE_CASES cases, of
// which none may be a minute off.
func TestTheEngineAgreesWithTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	cases := 20_000
	if text := os.Getenv("HOOKDESK_ORACLE_CASES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		cases = n
	} else if testing.Short() {
		cases = 2_000
	}
	seen := make([]map[string]int, runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for worker := range seen {
		seen[worker] = map[string]int{}
		group.Go(func() {
			for seed := worker; seed < cases; seed += len(seen) {
				r := rand.New(rand.NewPCG(1, uint64(seed)))
				one := chance(r)
				c, err := New(one.h)
				for ; err != nil; c, err = New(one.h) { // overlaps over midnight, or nothing at all
					one = chance(r)
				}
				seen[worker][one.h.Zone]++
				if err := newOracle(one.h, c.zone, one.pauses).check(c, one.from, one.to, r.Float64()); err != nil {
					t.Errorf("case %d: %+v: %v", seed, one, err)
				}
			}
		})
	}
	group.Wait()
	total := map[string]int{}
	for _, counts := range seen {
		for zone, n := range counts {
			total[zone] += n
		}
	}
	t.Logf("%d cases: %v", cases, total)
}
