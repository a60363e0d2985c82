package hooks

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrRemoved is what a Consumer answers once its handler has been removed. The
// event was not handled, and the handler is not to blame.
var ErrRemoved = errors.New("the handler has been removed")

// Refusal is a plugin's decision that something shall not happen.
type Refusal struct {
	Code    string // for programs: "spam"
	Message string // for the person who tried
}

// Error is the code and the message.
func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Veto is the error with which a handler of a Before or Within refuses; it is a
// [*Refusal]. Elsewhere it is an error like any other.
func Veto(code, message string) error { return &Refusal{Code: code, Message: message} }

// Vetoed says who refused. The [*Refusal] and the very error that the handler
// returned are found in it with errors.As and errors.Is.
type Vetoed struct {
	Point   string
	Handler string // "spam.check"
	Err     error
}

// Error is a line for the log; a person is shown the message of the Refusal.
func (v *Vetoed) Error() string {
	return fmt.Sprintf("hook %s: %s refused: %v", v.Point, v.Handler, v.Err)
}

// Unwrap gives what the handler returned.
func (v *Vetoed) Unwrap() error { return v.Err }

// Failure is a malfunction of one handler: an error that is no veto, a panic, or
// a missed deadline (which wraps context.DeadlineExceeded).
type Failure struct {
	Point   string
	Handler string // "sla.pick-policy"
	Err     error
	Stack   []byte // of the panic, if it was one
}

// Error is a line for the log, without the stack.
func (f *Failure) Error() string {
	return fmt.Sprintf("hook %s: %s: %v", f.Point, f.Handler, f.Err)
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// tooLate is the cause with which a handler's own deadline ends its context. Each
// call has its own, so a deadline further out is never taken for this one.
type tooLate struct{ limit time.Duration }

func (e *tooLate) Error() string { return fmt.Sprintf("its deadline of %s passed", e.limit) }
func (e *tooLate) Unwrap() error { return context.DeadlineExceeded }
