package desktest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/external"
)

// binaryChecks are what holds for every good plugin in a process of its own. Most
// are those of a plugin inside the desk; it has no tables, and nothing in this
// process but what plugins/external does for it.
func binaryChecks() []check {
	own := []check{
		{"starts", "the binary starts, says what it is, and is taken by a desk", (*suite).checkStarts},
		{"odd", "a desk of another version may send fields that are not known, or none; a handler fails at worst, the process never", (*suite).checkOdd},
		{"permissions", "a plugin asks the desk for what its manifest names, and for no more", (*suite).checkPermissions},
		{"saved", "settings that an admin saves are taken while the process runs", (*suite).checkSaved},
		{"calls", "a handler answers within its deadline", (*suite).checkCalls},
		{"killed", "a process may be killed in the middle of a handler; the event comes again and has its effects once", (*suite).checkKilled},
		{"back", "a process that is killed comes back by itself, and takes what happened meanwhile", (*suite).checkBack},
		{"paused", "a process that does not move holds nobody up for longer than its deadlines", (*suite).checkPaused},
		{"stop", "asked to stop, a process ends what it has begun within 5 seconds, and leaves no child", (*suite).checkStop},
		{"processes", "switched off, none of a plugin's processes is left; switched on, there are as many as before", (*suite).checkProcesses},
		{"leaks", "what a process needs does not grow with what it has done", (*suite).checkLeaks},
	}
	for _, c := range checks {
		if !slices.Contains([]string{"register", "migrations", "tables", "kill", "purge"}, c.name) {
			own = append(own, c)
		}
	}
	return own
}

// How says how the binary is run: its arguments, its environment. What its manifest
// asks for is granted.
func How(options ...external.Option) Option {
	return func(s *suite) { s.how = append(s.how, options...) }
}

// Only runs these checks of the suite, by their names, and leaves out the others.
func Only(checks ...string) Option {
	return func(s *suite) { s.only = append(s.only, checks...) }
}

// ExerciseBinary is Exercise for a plugin in a process of its own, the binary at
// path. It runs on SQLite alone, for the plugin never meets the database. A check
// that fails says why it matters.
func ExerciseBinary(t *testing.T, path string, options ...Option) {
	t.Helper()
	s := binarySuite(path, options...)
	t.Cleanup(func() { s.clear(t.Errorf) })
	for _, c := range s.chosen() {
		passed := t.Run(c.name, func(t *testing.T) {
			failures, lines := attempt(t, func(t testing.TB) { c.run(s, t, SQLite) })
			if len(failures) > 0 {
				t.Errorf("%s:\n%s", c.why, strings.Join(failures, "\n"))
			}
			t.Logf("the log:\n%s", strings.Join(lines, "\n"))
		})
		if c.name == "starts" && !passed {
			return // nothing else can be said of it
		}
	}
}

// Verdict is what a check came to.
type Verdict struct {
	Check    string        `json:"check"`
	Why      string        `json:"why"`      // what holds for every good plugin
	Failures []string      `json:"failures"` // empty: passed
	Log      []string      `json:"log"`      // the desk's, and tables
	Took     time.Duration `json:"took_ns"`
}

// VerifyBinary is ExerciseBinary for a program: it needs no test and no
// PostgreSQL. When the first check, "starts", fails, there are no others. Each
// verdict is also given to each as soon as it is there; nil is nobody.
func VerifyBinary(path string, each func(Verdict), options ...Option) []Verdict {
	s := binarySuite(path, options...)
	s.alone = true
	var out []Verdict
	for _, c := range s.chosen() {
		began := time.Now()
		tb := &bare{name: c.name}
		v := Verdict{Check: c.name, Why: c.why, Failures: []string{}}
		failures, lines := attempt(tb, func(t testing.TB) { c.run(s, t, SQLite) })
		v.Failures, v.Log = append(v.Failures, failures...), lines
		tb.clear()
		v.Took = time.Since(began)
		if out = append(out, v); each != nil {
			each(v)
		}
		if c.name == "starts" && len(failures) > 0 {
			break
		}
	}
	s.clear(func(format string, args ...any) {
		last := &out[len(out)-1]
		last.Failures = append(last.Failures, fmt.Sprintf(format, args...))
	})
	return out
}

// markEnv marks the processes of one suite, and whatever they start.
const markEnv = "HOOKDESK_EXERCISE"

func binarySuite(path string, options ...Option) *suite {
	s := newSuite(nil, options...)
	s.mark = fmt.Sprintf("%d-%s", os.Getpid(), nextLabel())
	// What flees must be found also where a desk could keep hold of it.
	how := append([]external.Option{external.Env(markEnv, s.mark), external.WithoutCgroup()}, s.how...)
	first := external.New(path, how...) // it says what it is, and never runs
	s.fresh = func() core.Plugin {
		return external.New(path, append(slices.Clip(how), external.Grant(first.Asks()...))...)
	}
	s.name = func() string { return first.Manifest().ID }
	return s
}

func (s *suite) chosen() []check {
	return slices.DeleteFunc(binaryChecks(), func(c check) bool { return len(s.only) > 0 && !slices.Contains(s.only, c.name) })
}

// clear ends what is left of the suite's processes.
func (s *suite) clear(complain func(format string, args ...any)) {
	if !within(2*time.Second, func() bool { return len(s.processes()) == 0 }) {
		complain("processes of the plugin live on: %v", s.processes())
		s.endAll()
	}
}

// bare is a testing.TB of no test. What a check says is taken by the recorder
// around it.
type bare struct {
	testing.TB
	name string
	dirs []string
}

func (b *bare) Name() string { return b.name }

func (b *bare) SkipNow() { runtime.Goexit() }

func (b *bare) Skip(...any) { b.SkipNow() }

func (b *bare) TempDir() string {
	dir, err := os.MkdirTemp("", "hookdesk-verify-")
	if err != nil {
		panic(err) // which the recorder takes down as the check's failure
	}
	b.dirs = append(b.dirs, dir)
	return dir
}

func (b *bare) clear() {
	for _, dir := range b.dirs {
		_ = os.RemoveAll(dir) // the system clears what is left
	}
}
