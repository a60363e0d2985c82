package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"text/tabwriter"
	"time"
)

// pair is one case: the same done by the desk and by hand. What it touches
// depends on the round, so that not one row is read over and over; both sides
// get the same rounds. They return what identifies the rows that they found.
type pair struct {
	name       string
	most       float64 // the promised ratio
	desk, hand side
}

type side func(ctx context.Context, round int) ([]int64, error)

// result is a line of the table.
type result struct {
	name, database string
	desk, hand     float64 // medians in nanoseconds
	most           float64 // of the ratio or, with a unit, of desk
	unit           *unit   // of what there is nothing to compare with
	allocs         int64
	note           string // what else was measured
}

// unit is how a figure that stands alone is written.
type unit struct {
	name  string
	nanos float64
}

var (
	nanoseconds  = &unit{"ns", 1}
	microseconds = &unit{"µs", 1e3}
	milliseconds = &unit{"ms", 1e6}
)

// warmUp rounds fill caches and are not counted.
const warmUp = 50

// compare runs both sides in turn and changes who goes first, so that whatever
// slows the machine down slows both, and neither always finds the pages that the
// other just read.
func (o options) compare(ctx context.Context, p pair) (result, error) {
	var times [2][]time.Duration
	sides := [2]side{p.desk, p.hand}
	end := time.Now().Add(o.time)
	for round := -min(warmUp, o.rounds); round < o.rounds && (round <= 0 || time.Now().Before(end)); round++ {
		if round == 0 {
			end = time.Now().Add(o.time)
		}
		for turn := range 2 {
			side := (turn + round&1) % 2
			start := time.Now()
			_, err := sides[side](ctx, round+warmUp)
			if err != nil {
				return result{}, fmt.Errorf("%s: %w", [2]string{"desk", "by hand"}[side], err)
			}
			if taken := time.Since(start); round >= 0 {
				times[side] = append(times[side], taken)
			}
		}
	}
	return result{name: p.name, desk: median(times[0]), hand: median(times[1]), most: p.most}, nil
}

func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Nanoseconds())
}

func (r result) ratio() float64 { return r.desk / r.hand }

func (r result) kept() bool {
	if r.unit != nil {
		return r.desk <= r.most && r.allocs == 0
	}
	return r.ratio() <= r.most
}

func (r result) verdict() string {
	if r.kept() {
		return "kept"
	}
	return "BROKEN"
}

func broken(results []result) []string {
	var names []string
	for _, r := range results {
		if !r.kept() {
			names = append(names, r.name+" ("+r.database+")")
		}
	}
	return names
}

func table(out io.Writer, results []result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "case\tdatabase\tdesk\tby hand\tratio\tpromised\tverdict")
	for _, r := range results {
		if u := r.unit; u != nil {
			fmt.Fprintf(w, "%s\t%s\t%.1f %s%s\t-\t-\t<= %.0f %s\t%s\n", r.name, r.database, r.desk/u.nanos, u.name, r.note, r.most/u.nanos, u.name, r.verdict())
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.2f\t<= %.2f\t%s%s\n", r.name, r.database, micros(r.desk), micros(r.hand), r.ratio(), r.most, r.verdict(), r.note)
	}
	return w.Flush()
}

func micros(nanos float64) string { return fmt.Sprintf("%.0f µs", nanos/1000) }

// profileTo starts a CPU profile; stop ends it.
func profileTo(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, err
	}
	return func() error { pprof.StopCPUProfile(); return file.Close() }, nil
}
