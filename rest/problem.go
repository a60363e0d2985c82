package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Problem is the body of every error (RFC 9457).
type Problem struct {
	Type     string          `json:"type" doc:"urn:hookdesk:problem: and the kind, such as not-found"`
	Title    string          `json:"title"`
	Status   int             `json:"status"`
	Detail   string          `json:"detail" doc:"a sentence for the person"`
	Instance string          `json:"instance" doc:"the path that was asked for"`
	Code     string          `json:"code,omitempty" doc:"a word for programs, such as that of a refusing plugin"`
	Errors   []FieldError    `json:"errors,omitempty" doc:"what is wrong with which field, 20 at most"`
	Changes  json.RawMessage `json:"changes,omitempty" doc:"of a conflict: what changed meanwhile"`
}

// whole is the path as the client asked for it, with the host's prefix.
func whole(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if path == "" {
		return r.URL.EscapedPath()
	}
	return path
}

// fail answers with err as a problem, or cuts the connection when half an
// answer is out already.
func (rt *Route) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := rt.judge(r, err)
	if t, ok := w.(*tracker); ok && t.begun {
		if r.Context().Err() == nil {
			rt.log(r, slog.LevelError, "route failed half way", err)
			panic(http.ErrAbortHandler)
		}
		return
	}
	body := problem(e, whole(r))
	if e.Changes != nil {
		if body.Changes, err = json.Marshal(e.Changes); err != nil {
			rt.log(r, slog.LevelError, "changes have no form in JSON", err)
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		rt.log(r, slog.LevelError, "problem has no form in JSON", err)
	}
	for _, stale := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		w.Header().Del(stale)
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	send(w, r, int(e.Kind), "application/problem+json", text)
}

func problem(e *Error, instance string) Problem {
	return Problem{
		Type: "urn:hookdesk:problem:" + e.Kind.String(), Title: http.StatusText(int(e.Kind)), Status: int(e.Kind),
		Detail: e.Message, Instance: instance, Code: e.Code, Errors: e.Fields,
	}
}

// judge makes of any error one that may be shown, and logs what may not.
func (rt *Route) judge(r *http.Request, err error) *Error {
	err = rt.table.translate(err)
	var e *Error
	var big *http.MaxBytesError
	var bug *panicError
	switch {
	case errors.As(err, &e) && e.Kind.String() != "fault":
		if e.Kind == Unavailable && !errors.Is(e, err) { // it has a cause that the caller is not told
			rt.log(r, slog.LevelWarn, "route cannot answer now", err)
		}
		return e
	case errors.As(err, &big):
		return &Error{Kind: TooLarge, Message: fmt.Sprintf("the body is larger than %d bytes", big.Limit)}
	case errors.Is(r.Context().Err(), context.Canceled) && !errors.As(err, &bug):
		rt.log(r, slog.LevelInfo, "the caller went away", err)
	default:
		rt.log(r, slog.LevelError, "route failed", err)
	}
	return &Error{Kind: Fault, Message: "internal error"}
}

// translate lets the core turn errors of its layers into an Error. A
// translator that panics changes nothing.
func (t *Table) translate(err error) (out error) {
	if t.opts.Translate == nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			out = fmt.Errorf("translating %w panicked: %v", err, p)
		}
	}()
	if out = t.opts.Translate(err); out == nil {
		return err
	}
	return out
}

func (rt *Route) log(r *http.Request, level slog.Level, text string, err error) {
	//nolint:sloglint // the callers' messages are literals
	rt.table.opts.Log.Log(r.Context(), level, text, "owner", rt.Owner, "route", rt.Pattern(), "err", err)
}

// panicError is a panic as an error.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// panicked answers for a panic of the row. It lets http.ErrAbortHandler pass.
func (rt *Route) panicked(w http.ResponseWriter, r *http.Request, p any) {
	if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, not an error that came back
		panic(p)
	}
	rt.fail(w, r, &panicError{p, debug.Stack()})
}

// send writes a whole answer. HEAD learns the length of what GET would get.
func send(w http.ResponseWriter, r *http.Request, status int, media string, text []byte) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	h.Set("Content-Type", media)
	if r.Method == http.MethodHead {
		h.Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(status)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller is gone: nobody is left to tell
}
