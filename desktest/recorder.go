package desktest

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is a testing.TB that notes what goes wrong, so that a check which
// uses the kit like any test can itself be tested.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failed   bool
	failures []string
	lines    []string
	cleanups []func()
}

// attempt runs fn with a recorder, and what fn wants cleaned up, and returns what
// went wrong and what was logged.
func attempt(t testing.TB, fn func(testing.TB)) (failures, lines []string) {
	r := &recorder{TB: t}
	r.run(func() { fn(r) })
	for len(r.cleanups) > 0 {
		last := len(r.cleanups) - 1
		clean := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		r.run(clean)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed && len(r.failures) == 0 {
		r.failures = []string{"failed without a word"}
	}
	return r.failures, r.lines
}

// run runs fn on a goroutine of its own, which FailNow may end.
func (r *recorder) run(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		fn()
	}()
	<-done
}

func (r *recorder) Helper() {}

func (r *recorder) Cleanup(fn func()) { r.cleanups = append(r.cleanups, fn) }

func (r *recorder) Fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) FailNow() {
	r.Fail()
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) note(list *[]string, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if text = strings.TrimSpace(text); !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}

func (r *recorder) Log(args ...any) { r.note(&r.lines, fmt.Sprintln(args...)) }

func (r *recorder) Logf(format string, args ...any) { r.note(&r.lines, fmt.Sprintf(format, args...)) }

func (r *recorder) Error(args ...any) {
	r.note(&r.failures, fmt.Sprintln(args...))
	r.Fail()
}

func (r *recorder) Errorf(format string, args ...any) {
	r.note(&r.failures, fmt.Sprintf(format, args...))
	r.Fail()
}

func (r *recorder) Fatal(args ...any) {
	r.note(&r.failures, fmt.Sprintln(args...))
	r.FailNow()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.note(&r.failures, fmt.Sprintf(format, args...))
	r.FailNow()
}
