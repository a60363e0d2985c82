package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

func TestAMissedDeadlineIsAMalfunctionWhateverTheHandlerSays(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{
		"nothing": nil, "an error": errBoom, "a veto": hooks.Veto("no", "No."), "the context's error": context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var point hooks.Before[draft]
			point.Declare(hooks.Point{Name: "p", Doc: "-", Timeout: time.Millisecond})
			point.Add(&owner{id: "slow"}, "a", func(ctx context.Context, _ *draft) error { <-ctx.Done(); return answer })
			err := point.Run(t.Context(), &draft{})
			var failure *hooks.Failure
			if !errors.As(err, &failure) || !errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*hooks.Refusal)) {
				t.Errorf("error %v", err)
			}
			if i := only(t, &point); i.Failures != 1 || i.Vetoes != 0 {
				t.Errorf("statistics %+v", i)
			}
		})
	}
}

func TestAPanicAfterTheDeadlineIsStillAPanic(t *testing.T) {
	t.Parallel()
	var point hooks.Before[draft]
	point.Add(&owner{id: "slow"}, "a", func(ctx context.Context, _ *draft) error { <-ctx.Done(); panic("boom") }, hooks.Deadline(time.Millisecond))
	var failure *hooks.Failure
	if err := point.Run(t.Context(), &draft{}); !errors.As(err, &failure) || failure.Err.Error() != "panic: boom" || len(failure.Stack) == 0 {
		t.Errorf("error %v, a stack of %d bytes", err, len(failure.Stack))
	}
}

func TestAHandlersOwnDeadlineReplacesThePoints(t *testing.T) {
	t.Parallel()
	var point hooks.Before[draft]
	point.Declare(hooks.Point{Name: "p", Doc: "-", Timeout: time.Millisecond})
	hasLimit := func(want bool) func(context.Context, *draft) error {
		return func(ctx context.Context, _ *draft) error {
			until, ok := ctx.Deadline()
			if ok != want || ok && time.Until(until) < time.Minute {
				return fmt.Errorf("deadline %v %v", until, ok)
			}
			return nil
		}
	}
	point.Add(&owner{id: "p"}, "hour", hasLimit(true), hooks.Deadline(time.Hour))
	point.Add(&owner{id: "p"}, "never", hasLimit(false), hooks.Deadline(0))
	if err := point.Run(t.Context(), &draft{}); err != nil {
		t.Error(err)
	}
}

func TestACallerWhoLeavesIsNotThePluginsFault(t *testing.T) {
	t.Parallel()
	giveUp := func(ctx context.Context) error { return fmt.Errorf("query: %w", ctx.Err()) }
	for name, tt := range map[string]struct {
		fn    func(ctx context.Context, cancel func()) error
		o     []hooks.Option
		want  error
		fault bool
	}{
		"a handler that gives up is excused": {
			fn:   func(ctx context.Context, cancel func()) error { cancel(); return giveUp(ctx) },
			want: context.Canceled},
		"also within its deadline": {
			fn:   func(ctx context.Context, cancel func()) error { cancel(); return giveUp(ctx) },
			o:    []hooks.Option{hooks.Deadline(time.Hour)},
			want: context.Canceled},
		"and where malfunctions are skipped": {
			fn:   func(ctx context.Context, cancel func()) error { cancel(); return giveUp(ctx) },
			o:    []hooks.Option{hooks.IfBroken(hooks.Skip)},
			want: context.Canceled},
		"a panic is not excused": {
			fn:    func(_ context.Context, cancel func()) error { cancel(); panic("boom") },
			fault: true},
		"nor a deadline that passed before": {
			fn:   func(ctx context.Context, cancel func()) error { <-ctx.Done(); cancel(); return ctx.Err() },
			o:    []hooks.Option{hooks.Deadline(time.Millisecond)},
			want: context.DeadlineExceeded, fault: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var point hooks.Before[draft]
			point.Add(&owner{id: "p"}, "a", func(ctx context.Context, _ *draft) error { return tt.fn(ctx, cancel) }, tt.o...)
			err := point.Run(ctx, &draft{})
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			failures := only(t, &point).Failures
			if errors.As(err, new(*hooks.Failure)) != tt.fault || (failures == 1) != tt.fault {
				t.Errorf("error %v and %d failures, plugin's fault: %v", err, failures, tt.fault)
			}
		})
	}
}

func TestOneDeadlineInsideAnotherIsNotTakenForIt(t *testing.T) {
	t.Parallel()
	var outer, inner hooks.Before[draft]
	inner.Add(&owner{id: "inner"}, "a", func(ctx context.Context, _ *draft) error { <-ctx.Done(); return ctx.Err() }, hooks.Deadline(time.Hour))
	outer.Add(&owner{id: "outer"}, "a", inner.Run, hooks.Deadline(time.Millisecond))
	err := outer.Run(t.Context(), &draft{})
	var failure *hooks.Failure
	if !errors.As(err, &failure) || failure.Handler != "outer.a" || only(t, &outer).Failures != 1 {
		t.Errorf("error %v", err)
	}
	if i := only(t, &inner); i.Failures != 0 {
		t.Errorf("the inner handler was blamed for its caller's deadline: %+v", i)
	}
}
