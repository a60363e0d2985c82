package worktime

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// Span is a stretch of a day such as "09:00-12:30". One that ends before it
// begins, such as "22:00-06:00", goes on after midnight; "00:00-24:00" is the
// whole day.
type Span string

var spanForm = regexp.MustCompile(`^([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})$`)

const dayMinutes = 24 * 60

// minutes are where the span begins and ends, in minutes of its day; the end is
// beyond the day where it goes on after midnight.
func (s Span) minutes() (from, to int, err error) {
	parts := spanForm.FindStringSubmatch(string(s))
	if parts == nil {
		return 0, 0, fmt.Errorf("%q is not a span such as 09:00-17:30", string(s))
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(parts[i+1]) // two digits each
	}
	from, to = n[0]*60+n[1], n[2]*60+n[3]
	switch {
	case n[1] > 59 || n[3] > 59 || from >= dayMinutes || to > dayMinutes:
		return 0, 0, fmt.Errorf("%q has a time that no day has", string(s))
	case from == to:
		return 0, 0, fmt.Errorf("%q is empty; the whole day is 00:00-24:00", string(s))
	case to < from:
		to += dayMinutes
	}
	return from, to, nil
}

// Week is the spans of each day of a week.
type Week struct {
	Monday    []Span `json:"monday,omitempty"`
	Tuesday   []Span `json:"tuesday,omitempty"`
	Wednesday []Span `json:"wednesday,omitempty"`
	Thursday  []Span `json:"thursday,omitempty"`
	Friday    []Span `json:"friday,omitempty"`
	Saturday  []Span `json:"saturday,omitempty"`
	Sunday    []Span `json:"sunday,omitempty"`
}

// days are the spans, by time.Weekday.
func (w Week) days() [7][]Span {
	return [7][]Span{w.Sunday, w.Monday, w.Tuesday, w.Wednesday, w.Thursday, w.Friday, w.Saturday}
}

// stretch is a part of a day, in its minutes: from, and to without to.
type stretch struct{ from, to int }

// maxSpans is how many spans a day may have.
const maxSpans = 12

// compile turns the spans into stretches of each day, those after midnight into
// ones of the next day, and fails where two of them overlap.
func (w Week) compile() (week [7][]stretch, err error) {
	for day, spans := range w.days() {
		if len(spans) > maxSpans {
			return week, fmt.Errorf("a day has at most %d spans", maxSpans)
		}
		for _, s := range spans {
			from, to, err := s.minutes()
			if err != nil {
				return week, err
			}
			week[day] = append(week[day], stretch{from, min(to, dayMinutes)})
			if to > dayMinutes {
				next := (day + 1) % 7
				week[next] = append(week[next], stretch{0, to - dayMinutes})
			}
		}
	}
	for day := range week {
		slices.SortFunc(week[day], func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
		for i := 1; i < len(week[day]); i++ {
			if week[day][i].from < week[day][i-1].to {
				return week, fmt.Errorf("spans overlap at %02d:%02d", week[day][i].from/60, week[day][i].from%60)
			}
		}
	}
	return week, nil
}
