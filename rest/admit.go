package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// admit finds out who is calling and asks the policy. Whatever goes wrong in
// the host's Identify, a Public row still answers, to nobody.
func (c *call) admit() (context.Context, error) {
	rt := c.rt
	ctx, who, err := rt.table.identify(c.r)
	if err != nil {
		err = rt.table.translate(err)
		var e *Error
		known := errors.As(err, &e) && KindOf(err) != Fault
		if !known {
			level := slog.LevelError
			if errors.Is(c.r.Context().Err(), context.Canceled) {
				level = slog.LevelInfo
			}
			rt.log(c.r, level, "identify failed", err)
			err = &Error{Kind: Unauthenticated, Message: "sign in first"}
		}
		if !rt.Policy.open() {
			return nil, err
		}
		ctx, who = c.r.Context(), nobody{}
	}
	c.who = who
	return ctx, rt.Policy.Allow(who)
}

// identify asks the host who is calling. A panic there is an error.
func (t *Table) identify(r *http.Request) (ctx context.Context, who Caller, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	if t.opts.Identify != nil {
		ctx, who, err = t.opts.Identify(r)
	}
	if ctx == nil {
		ctx = r.Context()
	}
	if who == nil {
		who = nobody{}
	}
	who.Role() // a nil pointer in the interface panics here, not in the policy
	return ctx, who, err
}
