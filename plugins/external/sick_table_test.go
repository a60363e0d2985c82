package external_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/external"
)

// found is what the suite must say of a sick binary.
type found struct{ check, says string }

func sickBinaries() map[string]found {
	return map[string]found{
		"dies at the start":                  {"starts", "no licence"},
		"shakes hands in its own way":        {"starts", "start: "},
		"says nothing":                       {"starts", "start: timeout"},
		"holds another cookie":               {"starts", "start: "},
		"raw lies about its protocol":        {"starts", "it speaks version 99 of the protocol"},
		"raw describes 64 MB":                {"starts", "larger than max"},
		"raw hangs in Describe":              {"starts", "describe: "},
		"raw hangs in Configure":             {"starts", "configure: "},
		"raw knows another point":            {"starts", "there is no hook point no.such.point"},
		"raw wants to be in the transaction": {"starts", "does not cross to another process"},
		"raw has a route without a policy":   {"starts", `route "GET /api/sick"`},
		"raw has settings of no kind":        {"starts", "type quaternion is not known here"},
		"has no good id":                     {"starts", "No Good!"},
		"has the id of another":              {"starts", "neighbour"},
		"needs a stranger":                   {"starts", "stranger"},
		"has other handlers each time":       {"starts", "settings, routes, jobs or handlers are others"},
		"describes itself anew":              {"manifest", "of two plugins made alike"},
		"shows its secret":                   {"settings", "looks like a secret"},
		"raw bears no other settings":        {"saved", "the process did not bear it"},
		"panics at an empty event":           {"odd", "panics at {}"},
		"dies at an empty event":             {"odd", "ended its process at {}"},
		"starts three times":                 {"back", "enough"},
		"flees when it is switched off":      {"processes", "switched off, the plugin leaves processes running"},
		"raw hangs at other settings":        {"saved", "did not reach the process within 2 s"},
		"hangs in a Before":                  {"calls", "no answer within 250ms"},
		"panics in a Before":                 {"calls", "panic: as it says"},
		"dies in a Before":                   {"calls", "its process ended: the process ended"},
		"refuses everything":                 {"life", "Not today."},
		"dies in a Filter":                   {"calls", "its process ended: the process ended"},
		"dies in an After":                   {"calls", "its process ended: the process ended"},
		"fails in an After":                  {"calls", "sick.sick@ticket.created failed"},
		"hangs in an After":                  {"stop", "it did not stop by itself"},
		"dies in a route":                    {"routes", "503"},
		"never answers":                      {"calls", "did not answer within"},
		"answers 500":                        {"routes", "500"},
		"dies in a job":                      {"life", "it has just ended"},
		"adds a note twice":                  {"twice", "changed the database"},
		"answers before work":                {"killed", "it was killed"},
		"asks beyond its manifest":           {"permissions", "has no permission people:read"},
		"leaks descriptors":                  {"leaks", "descriptors more than before"},
		"leaks children":                     {"leaks", "children more than before"},
		"has a child that flees":             {"stop", "children of the plugin run still"},
		"raw answers 5 MB":                   {"calls", "larger than max"},
		"raw patches what is not writable":   {"calls", "writable"},
		"raw answers no JSON":                {"calls", "sick.sick@ticket.create.before failed"},
		"raw closes its socket":              {"calls", "sick.sick@ticket.create.before failed"},
		"raw does not stop":                  {"stop", "it did not stop by itself"},
	}
}

func TestTheSuiteFindsWhatIsWrongWithABinary(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes long, and shows nothing that the other tests share memory by")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	turn := make(chan struct{}, 6) // most of them wait most of the time
	for role, want := range sickBinaries() {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			how := desktest.How(external.Env(roleEnv, role), external.Env("PATH", os.Getenv("PATH")), external.Env("MARKS", t.TempDir()+"/marks"),
				external.Dir(shortDir(t)), external.StartWithin(3*time.Second))
			beside := desktest.Beside(func() core.Plugin { return core.Inline("neighbour", func(core.Host) error { return nil }) })
			var said []string
			for _, v := range desktest.VerifyBinary(self, nil, desktest.Only(want.check), how, beside) {
				said = append(said, v.Failures...)
			}
			if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, want.says) }) {
				t.Errorf("of a binary that %s, the check %s does not say %q, but:\n%s", role, want.check, want.says, strings.Join(said, "\n"))
			}
		})
	}
	all.Wait()
}

// What the suite would find or not: the desk answers, in time, and ends.
func TestADeskContainsASickBinary(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes long, and shows nothing that the other tests share memory by")
	}
	for role, found := range sickBinaries() {
		if found.check != "starts" && !strings.Contains(role, "flees") && role != "starts three times" { // the child is found by the suite alone
			contain(t, role)
		}
	}
	contain(t, "has a child")
}

func contain(t *testing.T, role string) {
	t.Run(role, func(t *testing.T) {
		t.Parallel()
		d := desktest.New(t, desktest.SQLite, as(t, role, external.Env("PATH", os.Getenv("PATH")), external.Grant("tickets:write")))
		d.AllowErrors()
		for _, request := range []string{"POST /api/tickets", "GET /api/tickets", "GET /api/tickets/1", "GET /api/plugins", "POST /api/tickets"} {
			var body any
			if request == "POST /api/tickets" {
				body = map[string]any{"subject": "down", "body": "x"}
			}
			began := time.Now()
			got := d.Do(desktest.Admin, request, body)
			if took := time.Since(began); took > 2*time.Second || got.Status >= 500 && got.Status != 503 {
				t.Errorf("after %v: %s", took, got)
			}
		}
	})
}

// scale is a log that counts and weighs.
type scale struct{ lines, bytes *atomic.Int64 }

func (s scale) Enabled(context.Context, slog.Level) bool { return true }

func (s scale) Handle(_ context.Context, r slog.Record) error {
	s.lines.Add(1)
	s.bytes.Add(int64(len(r.Message)))
	r.Attrs(func(a slog.Attr) bool { s.bytes.Add(int64(len(a.Value.String()))); return true })
	return nil
}

func (s scale) WithAttrs([]slog.Attr) slog.Handler { return s }

func (s scale) WithGroup(string) slog.Handler { return s }

func TestWhateverAPluginWritesTheLogOfTheDeskIsBounded(t *testing.T) {
	t.Parallel()
	log := scale{&atomic.Int64{}, &atomic.Int64{}}
	weighed := func(c *core.Config) { c.Logger = slog.New(log) }
	d := desktest.NewWith(t, desktest.SQLite, weighed, as(t, "floods"))
	opened(d, "x").Want(201)
	if n := log.lines.Load(); n < 1000 || n > 1100 {
		t.Errorf("of 45,000 lines the desk has logged %d, not some 1,000", n)
	}
	if n := log.bytes.Load(); n > 2<<20 {
		t.Errorf("the desk has logged %d bytes", n)
	}
}
