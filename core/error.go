package core

import (
	"errors"

	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/rest"
)

// Error is a decision that a person may read: a kind for the program, a
// sentence for the person. Any other error is a fault, which is logged and
// never shown.
type Error = rest.Error

// Kind is the meaning of an Error.
type Kind = rest.Kind

// FieldError says what is wrong with one field of an input.
type FieldError = rest.FieldError

// The kinds of error that the desk's services return.
const (
	Unauthenticated = rest.Unauthenticated
	Forbidden       = rest.Forbidden
	NotFound        = rest.NotFound // also: not visible to this actor
	Conflict        = rest.Conflict
	TooLarge        = rest.TooLarge
	Invalid         = rest.Invalid
	TooMany         = rest.TooMany
	Unavailable     = rest.Unavailable
)

// Errorf makes an Error with a sentence for the person.
func Errorf(kind Kind, format string, args ...any) error { return rest.Errorf(kind, format, args...) }

// InvalidField refuses one field of an input.
func InvalidField(field, format string, args ...any) error {
	return rest.InvalidField(field, format, args...)
}

// KindOf is the kind of the Error in err's chain; 0 when err is nil or a fault.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](translate(err)); ok {
		return e.Kind
	}
	return 0
}

// The faults that a Store reports by these values, so that services can give
// them a meaning.
var (
	ErrDuplicate = errors.New("a row with these unique values exists")
	ErrForeign   = errors.New("a row refers to one that is missing, or is referred to")
	ErrNoTable   = errors.New("this store cannot answer that query")
)

// translate gives hook errors the form that a person may read: a veto is the
// plugin's own sentence, a malfunction names the plugin and nothing else.
func translate(err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	if veto, ok := errors.AsType[*hooks.Refusal](err); ok {
		return &Error{Kind: Invalid, Code: veto.Code, Message: veto.Message}
	}
	if broken, ok := errors.AsType[*hooks.Failure](err); ok {
		shown := &Error{Kind: Unavailable, Code: "plugin_failed", Message: "a plugin that takes part in this failed: " + broken.Handler}
		return &explained{shown, err}
	}
	return err
}

// explained shows the person what a fault means and keeps its cause for the log.
type explained struct {
	shown *Error
	cause error
}

func (e *explained) Error() string { return e.cause.Error() }

func (e *explained) Unwrap() []error { return []error{e.shown, e.cause} }

func notFound(what string, id int64) error { return Errorf(NotFound, "no %s %d", what, id) }
