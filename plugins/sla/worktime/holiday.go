package worktime

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rickar/cal/v2"
)

// Holiday is a day without work: a date such as "2026-12-24", or a day of each
// year such as "12-24".
type Holiday struct {
	Date string `json:"date" max:"10" doc:"such as 2026-12-24, or 12-24 for each year"`
	Name string `json:"name,omitempty" max:"100"`
}

// maxHolidays is how many holidays of its own a calendar may have.
const maxHolidays = 1000

// holidays are the days on which a calendar rests. A date is a number of days
// since 1970.
type holidays struct {
	dates    map[int64]bool
	yearly   map[monthDay]bool
	national []*cal.Holiday
	years    *sync.Map // of the national ones: year → map[int64]bool
}

type monthDay struct {
	month time.Month
	day   int
}

func compileHolidays(own []Holiday, countries []string) (h holidays, err error) {
	if len(own) > maxHolidays {
		return h, fmt.Errorf("a calendar has at most %d holidays of its own", maxHolidays)
	}
	h = holidays{dates: map[int64]bool{}, yearly: map[monthDay]bool{}, years: &sync.Map{}}
	for _, one := range own {
		if date, err := time.Parse(time.DateOnly, one.Date); err == nil {
			h.dates[number(date)] = true
		} else if date, err := time.Parse(time.DateOnly, "2000-"+one.Date); err == nil { // a year that has every day
			h.yearly[monthDay{date.Month(), date.Day()}] = true
		} else {
			return h, fmt.Errorf("%q is no date such as 2026-12-24, or 12-24 for each year", one.Date)
		}
	}
	for _, country := range countries {
		list, known := national()[country]
		if !known {
			return h, fmt.Errorf("there are no holidays of %q; known are %v", country, Countries())
		}
		h.national = append(h.national, list...)
	}
	return h, nil
}

func number(date time.Time) int64 { return floorDiv(date.Unix(), dayMinutes*60) }

// on reports whether the calendar rests on a day.
func (h holidays) on(n int64) bool {
	if h.dates[n] {
		return true
	}
	if len(h.yearly) == 0 && h.national == nil {
		return false
	}
	year, month, day := time.Unix(n*dayMinutes*60, 0).UTC().Date()
	return h.yearly[monthDay{month, day}] || h.national != nil && h.year(year)[n]
}

// year are the national holidays of a year, computed once.
func (h holidays) year(y int) map[int64]bool {
	if known, ok := h.years.Load(y); ok {
		return known.(map[int64]bool) //nolint:errcheck,forcetypeassert // only these are stored
	}
	days := map[int64]bool{}
	for _, one := range h.national {
		// A holiday of a neighbouring year may be observed in this one.
		for _, of := range []int{y - 1, y, y + 1} {
			actual, observed := one.Calc(of)
			for _, date := range []time.Time{actual, observed} {
				if !date.IsZero() && date.Year() == y {
					days[number(time.Date(y, date.Month(), date.Day(), 0, 0, 0, 0, time.UTC))] = true
				}
			}
		}
	}
	h.years.Store(y, days)
	return days
}

// Countries are the codes of the countries whose national holidays are known.
func Countries() []string {
	var codes []string
	for code := range national() {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, cmp.Compare)
	return codes
}
