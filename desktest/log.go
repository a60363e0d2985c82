package desktest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
)

// journal is where a desk's log goes: into the test's, and an Error fails the
// test unless it was allowed.
type journal struct {
	t       testing.TB
	mu      sync.Mutex
	allowed bool
	closed  bool // the test is over
	errors  []string
	lines   []string
}

func (j *journal) take(level slog.Level, line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	if level >= slog.LevelError {
		j.errors = append(j.errors, line)
	}
	switch {
	case j.closed:
	case level >= slog.LevelError && !j.allowed:
		j.t.Errorf("the desk logged an error (AllowErrors lets it pass): %s", line)
	default:
		j.t.Logf("%v %s", level, line)
	}
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
}

// AllowErrors lets the desk log errors from now on without failing the test.
func (d *Desk) AllowErrors() {
	d.journal.mu.Lock()
	defer d.journal.mu.Unlock()
	d.journal.allowed = true
}

// Errors are the errors that the desk has logged so far, a line each.
func (d *Desk) Errors() []string {
	d.journal.mu.Lock()
	defer d.journal.mu.Unlock()
	return slices.Clone(d.journal.errors)
}

// recordHandler is the slog.Handler of a journal.
type recordHandler struct {
	*journal
	attrs []slog.Attr
}

func (h recordHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h recordHandler) Handle(_ context.Context, r slog.Record) error {
	var line strings.Builder
	line.WriteString(r.Message)
	write := func(a slog.Attr) bool { fmt.Fprintf(&line, " %s=%v", a.Key, a.Value.Resolve()); return true }
	for _, a := range h.attrs {
		write(a)
	}
	r.Attrs(write)
	h.take(r.Level, line.String())
	return nil
}

func (h recordHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.attrs = slices.Concat(h.attrs, attrs)
	return h
}

func (h recordHandler) WithGroup(string) slog.Handler { return h } // names stay clear enough without
