package hooks_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/hooks"
)

func count(_ context.Context, d *draft) error { d.Count++; return nil }

// BenchmarkBareSlice is the yardstick: the same handlers called in a loop, without
// statistics, recover or anything else.
func BenchmarkBareSlice(b *testing.B) {
	for _, n := range []int{0, 1, 10} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			fns := make([]func(context.Context, *draft) error, n)
			for i := range fns {
				fns[i] = count
			}
			ctx, d := b.Context(), &draft{}
			b.ReportAllocs()
			for b.Loop() {
				for _, fn := range fns {
					if err := fn(ctx, d); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkBefore(b *testing.B) {
	for _, n := range []int{0, 1, 10} {
		b.Run(strconv.Itoa(n), func(b *testing.B) { benchmarkBefore(b, n, count) })
	}
	b.Run("1 skipping", func(b *testing.B) { benchmarkBefore(b, 1, count, hooks.IfBroken(hooks.Skip)) })
	b.Run("1 with a deadline", func(b *testing.B) { benchmarkBefore(b, 1, count, hooks.Deadline(time.Second)) })
	veto := hooks.Veto("no", "No.")
	b.Run("1 vetoing", func(b *testing.B) {
		benchmarkBefore(b, 1, func(context.Context, *draft) error { return veto })
	})
}

func benchmarkBefore(b *testing.B, n int, fn func(context.Context, *draft) error, o ...hooks.Option) {
	var point hooks.Before[draft]
	for i := range n {
		point.Add(&owner{id: "p"}, strconv.Itoa(i), fn, o...)
	}
	ctx, d := b.Context(), &draft{}
	b.ReportAllocs()
	for b.Loop() {
		if err := point.Run(ctx, d); err != nil && !errors.As(err, new(*hooks.Vetoed)) {
			b.Fatal(err)
		}
	}
}

func BenchmarkBeforeParallel(b *testing.B) {
	var point hooks.Before[draft]
	point.Add(&owner{id: "p"}, "count", count)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		d := &draft{}
		for pb.Next() {
			if err := point.Run(b.Context(), d); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkWithin(b *testing.B) {
	for _, n := range []int{0, 1} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var point hooks.Within[draft]
			for range n {
				point.Add(&owner{id: "p"}, "count", func(ctx context.Context, _ *gorm.DB, d *draft) error { return count(ctx, d) })
			}
			ctx, d := b.Context(), &draft{}
			b.ReportAllocs()
			for b.Loop() {
				if err := point.Run(ctx, nil, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	for _, n := range []int{0, 1} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var point hooks.Filter[draft]
			for range n {
				point.Add(&owner{id: "p"}, "count", count)
			}
			ctx, d := b.Context(), &draft{}
			b.ReportAllocs()
			for b.Loop() {
				point.Run(ctx, d)
			}
		})
	}
}

func BenchmarkAfter(b *testing.B) {
	var point hooks.After[draft]
	point.Declare(hooks.Point{Name: "draft.stored", Doc: "A draft was stored."})
	point.Add(&owner{id: "p"}, "see", func(context.Context, hooks.Event[draft]) error { return nil })
	var empty hooks.After[draft]
	b.Run("run 0", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			empty.Run(b.Context(), hooks.Event[draft]{})
		}
	})
	b.Run("run 1", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			point.Run(b.Context(), hooks.Event[draft]{})
		}
	})
	b.Run("deliver 1", func(b *testing.B) {
		c := point.Consumers()[0]
		env := hooks.Envelope{ID: 1, Name: "draft.stored", Data: []byte(`{"subject":"hello","tags":["a"]}`)}
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Deliver(b.Context(), env); err != nil {
				b.Fatal(err)
			}
		}
	})
}
