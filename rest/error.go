package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind is what an error means to a program; its value is the HTTP status that
// carries it.
type Kind int

// The kinds of error that a caller can meet.
const (
	Malformed       Kind = http.StatusBadRequest            // the request is not well-formed
	Unauthenticated Kind = http.StatusUnauthorized          // nobody is signed in
	Forbidden       Kind = http.StatusForbidden             // known, but not allowed
	NotFound        Kind = http.StatusNotFound              // also: not visible to this caller
	NoMethod        Kind = http.StatusMethodNotAllowed      // the path exists, by other methods
	Conflict        Kind = http.StatusConflict              // somebody else was faster
	TooLarge        Kind = http.StatusRequestEntityTooLarge // the body is over the limit
	NotJSON         Kind = http.StatusUnsupportedMediaType  // the body is of another type
	Invalid         Kind = http.StatusUnprocessableEntity   // understood and refused; see Fields
	TooMany         Kind = http.StatusTooManyRequests       // slow down
	Fault           Kind = http.StatusInternalServerError   // our mistake: logged, never explained
	Unavailable     Kind = http.StatusServiceUnavailable    // try again later
)

// String is the kind as the last word of a problem's type, such as "not-found".
func (k Kind) String() string {
	switch k {
	case Malformed:
		return "malformed"
	case Unauthenticated:
		return "unauthenticated"
	case Forbidden:
		return "forbidden"
	case NotFound:
		return "not-found"
	case NoMethod:
		return "no-method"
	case Conflict:
		return "conflict"
	case TooLarge:
		return "too-large"
	case NotJSON:
		return "not-json"
	case Invalid:
		return "invalid"
	case TooMany:
		return "too-many"
	case Unavailable:
		return "unavailable"
	case Fault:
	}
	return "fault"
}

// Error is a decision that a person may read. Any other error, and one whose
// Kind is Fault or none of the kinds above, is a fault: logged, and shown as
// nothing but "internal error".
type Error struct {
	Kind       Kind
	Code       string        // a word for programs, such as a hook's veto; may be empty
	Message    string        // a sentence for the person
	Fields     []FieldError  // what is wrong with which field
	Changes    any           // of a Conflict: what changed meanwhile, as JSON
	RetryAfter time.Duration // of TooMany and Unavailable: when to try again; 0: not said
}

// FieldError says what is wrong with one field, parameter or header.
type FieldError struct {
	Field   string `json:"field" doc:"where, such as repeat.times or tags[2]"`
	Message string `json:"message"`
}

// Error is the message with the fields, for logs and tests.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for i, f := range e.Fields {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep + f.Field + " " + f.Message)
	}
	return b.String()
}

// Errorf makes an error that the caller may read. It does not wrap (%w): what
// a driver says is for the log, in a plain error.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// InvalidField refuses one field of the input, by its name in JSON.
func InvalidField(field, format string, args ...any) error {
	return invalid([]FieldError{{field, fmt.Sprintf(format, args...)}})
}

// KindOf is the kind of the [Error] in err's chain, Fault for any other error
// and 0 for nil.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e) && e.Kind.String() != "fault":
		return e.Kind
	}
	return Fault
}

func invalid(fields []FieldError) error {
	return &Error{Kind: Invalid, Message: "the input is not valid", Fields: fields}
}

func nothingHere() error { return &Error{Kind: NotFound, Message: "nothing here"} }
