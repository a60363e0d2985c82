package hooks

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// verdict is how a handler came back.
type verdict uint8

const (
	fine verdict = iota
	refused
	broke
	late
	panicked
)

// Watchful is an Owner that is told when a handler of its own malfunctions while
// a request goes on: also where nobody else would hear of it.
type Watchful interface {
	HandlerFailed(context.Context, *Failure)
}

type answer struct {
	verdict verdict
	err     error
	stack   []byte
}

// invoke calls a handler through fn, under recover and its deadline, and keeps its
// statistics. It returns nil, a *Vetoed, a *Failure, or the caller's ctx.Err().
func (e *entry) invoke(ctx context.Context, fn func(context.Context) error) error {
	e.busy.Add(1)
	defer e.busy.Add(-1)
	var a answer
	if e.timeout > 0 {
		a = e.callInTime(ctx, fn)
	} else {
		start := sinceLoad()
		a = call(ctx, fn)
		e.stats.observe(sinceLoad() - start)
	}
	if a.verdict == fine {
		return nil
	}
	return e.judge(ctx, a)
}

// callInTime is a call that counts as broken when it outlives the deadline,
// whatever it answers.
func (e *entry) callInTime(ctx context.Context, fn func(context.Context) error) answer {
	cause := &tooLate{limit: e.timeout}
	limited, cancel := context.WithTimeoutCause(ctx, e.timeout, cause)
	defer cancel()
	start := sinceLoad()
	a := call(limited, fn)
	took := sinceLoad() - start
	e.stats.observe(took)
	// A busy process may see the time pass before the timer fires.
	missed := errors.Is(context.Cause(limited), cause) || ctx.Err() == nil && took >= e.timeout
	if !missed || a.verdict == panicked {
		return a
	}
	took = took.Round(time.Microsecond)
	if a.err == nil {
		return answer{verdict: late, err: fmt.Errorf("%w, it took %s", cause, took)}
	}
	// What it says now is for the log only; in particular it is no veto any more.
	return answer{verdict: late, err: fmt.Errorf("%w, it took %s: %s", cause, took, fmt.Sprint(a.err))}
}

// call holds all that a plugin's code can do to us: it runs, and is asked whether
// its error is a veto, under recover.
func call(ctx context.Context, fn func(context.Context) error) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = answer{verdict: panicked, err: fmt.Errorf("panic: %v", p), stack: debug.Stack()}
		}
	}()
	if err := fn(ctx); err != nil {
		return answer{verdict: weigh(err), err: err}
	}
	return answer{}
}

func weigh(err error) verdict {
	var r *Refusal
	if errors.As(err, &r) && r != nil {
		return refused
	}
	return broke
}

// judge turns an answer into the error that the point works with, and counts it.
func (e *entry) judge(ctx context.Context, a answer) error {
	mayRefuse := e.kind == before || e.kind == within
	switch {
	case a.verdict == refused && mayRefuse:
		e.stats.vetoes.Add(1)
		return &Vetoed{Point: e.point, Handler: e.name, Err: a.err}
	case (a.verdict == refused || a.verdict == broke) && ctx.Err() != nil:
		return ctx.Err()
	}
	e.stats.fail(a.err)
	f := &Failure{Point: e.point, Handler: e.name, Err: a.err, Stack: a.stack}
	if e.failed != nil && e.kind != after { // whoever delivers events hears of it anyway
		e.failed(ctx, f)
	}
	return f
}

// undoable calls a handler and puts *v back as it was when it did not succeed.
func undoable[T any](ctx context.Context, h *handler[func(context.Context, *T) error], v *T) error {
	var saved T
	var taken bool
	err := h.invoke(ctx, func(ctx context.Context) error {
		saved, taken = clone(v), true // here, since a Clone may panic as well
		return h.fn(ctx, v)
	})
	if err != nil && taken {
		*v = saved
	}
	return err
}

// clone is the value's own Clone, or else a shallow copy.
func clone[T any](v *T) T {
	if c, ok := any(v).(interface{ Clone() T }); ok {
		return c.Clone()
	}
	return *v
}
