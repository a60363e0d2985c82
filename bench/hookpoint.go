package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"testing"

	"github.com/hookdesk/hookdesk/hooks"
)

// owner is a plugin that only has a name.
type owner struct{}

func (owner) PluginID() string { return "bench" }

func (owner) Rank() int { return 0 }

func (owner) OnDisable(func()) {}

type payload struct{ n int }

// hookPoints measures a call of a hook point. There is nothing to compare it
// with: a program without hooks has no call. The quickest of many short runs
// counts, as nothing but other programs makes one slower.
func hookPoints() ([]result, error) {
	testing.Init()
	if err := flag.Set("test.benchtime", "20ms"); err != nil {
		return nil, err
	}
	var results []result
	for _, c := range []struct {
		name     string
		handlers int
		most     float64
	}{{"hook point without handlers", 0, 5}, {"hook point with one handler", 1, 150}} {
		var point hooks.Before[payload]
		for range c.handlers {
			point.Add(owner{}, "count", func(_ context.Context, p *payload) error { p.n++; return nil })
		}
		r := result{name: c.name, database: "-", desk: math.Inf(1), most: c.most, unit: nanoseconds}
		for range 50 {
			b := testing.Benchmark(func(b *testing.B) {
				ctx, v := context.Background(), &payload{}
				b.ReportAllocs()
				for b.Loop() {
					if err := point.Run(ctx, v); err != nil {
						b.Fatal(err)
					}
				}
			})
			r.desk = min(r.desk, float64(b.T.Nanoseconds())/float64(b.N))
			r.allocs = max(r.allocs, b.AllocsPerOp())
		}
		r.note = fmt.Sprintf(", %d allocs", r.allocs)
		results = append(results, r)
	}
	return results, nil
}
