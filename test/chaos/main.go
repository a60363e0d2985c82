// Command chaos shows that what happens to a plugin's process does not happen to
// the desk. A real desk runs with this program as an external plugin, which is
// killed or stopped at each kind of hook, in the middle of a handler by itself or
// at any moment from outside, round after round. No request may fail where the hook
// may be skipped, none may wait longer than the deadlines on its way and 50 ms, and
// at the end every event must have had its effect, in order.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hookdesk/hookdesk/internal/pgtest"
	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

func main() {
	if dir := os.Getenv(dirEnv); dir != "" {
		sdk.Serve(&probe{dir: dir})
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// slack is what a request may take beyond the deadlines of the handlers on its way.
const slack = 50 * time.Millisecond

// options are the flags.
type options struct {
	databases string
	rounds    int
	seed      uint64
	slack     time.Duration
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar(&o.databases, "db", "sqlite", "the `databases`, such as sqlite,postgres")
	flags.IntVar(&o.rounds, "rounds", 1000, "how many `rounds` on each database")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "what happens follows from this `number`, but for the moments")
	flags.DurationVar(&o.slack, "slack", slack, "what a request may take beyond its `deadlines`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var found []error
	for database := range strings.SplitSeq(o.databases, ",") {
		t, err := o.on(ctx, database)
		if err != nil {
			return fmt.Errorf("%s, seed %d: %w", database, o.seed, err)
		}
		found = append(found, t.report(out, database))
	}
	return errors.Join(found...)
}

// on does the rounds on one kind of database.
func (o options) on(ctx context.Context, database string) (*tally, error) {
	dir, err := os.MkdirTemp("", "chaos") // short, for sockets lie in it
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	dsn := "sqlite:" + dir + "/desk.db"
	if database == "postgres" {
		server, err := pgtest.NewServer()
		if err != nil {
			return nil, err
		}
		if dsn, err = server.Create(); err != nil {
			return nil, err
		}
	}
	b, err := newBench(dir, dsn)
	if err != nil {
		return nil, err
	}
	defer b.end()
	t := newTally(o.slack)
	if err := b.rounds(ctx, o, t); err != nil {
		return t, err
	}
	return t, b.judge(ctx, t)
}

// cell is what happened at one kind of hook by one signal.
type cell struct{ place, signal string }

type counts struct {
	rounds, struck     int // struck: the process was hit inside of a handler
	requests, refused  int // 503
	failed             int // where nothing may fail
	late               int
	slowest, allowed   time.Duration // of the one that came closest to its limit, or over it
	replaced, comeback int
}

// tally is what the rounds came to.
type tally struct {
	slack  time.Duration
	cells  map[cell]*counts
	events int
	again  int // effects of events that had one already
	faults []string
}

func newTally(slack time.Duration) *tally { return &tally{slack: slack, cells: map[cell]*counts{}} }

func (t *tally) of(place, signal string) *counts {
	c := cell{place, signal}
	if t.cells[c] == nil {
		t.cells[c] = &counts{}
	}
	return t.cells[c]
}

func (t *tally) fault(format string, args ...any) {
	t.faults = append(t.faults, fmt.Sprintf(format, args...))
}

// report prints the table; what was found is an error.
func (t *tally) report(out io.Writer, database string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "database\tat\tsignal\trounds\thit inside\trequests\trefused\tfailed\ttoo late\tclosest\tlimit\tprocesses replaced\tresumed")
	for _, place := range places() {
		for _, signal := range signals() {
			c := t.of(place, signal)
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%v\t%v\t%d\t%d\n", database, place, signal, c.rounds, c.struck, c.requests, c.refused,
				c.failed, c.late, c.slowest.Round(time.Millisecond), c.allowed, c.replaced, c.comeback)
		}
	}
	fmt.Fprintf(w, "%s: %d events had their effects, %d of them again; %d faults\n", database, t.events, t.again, len(t.faults))
	if err := w.Flush(); err != nil {
		return err
	}
	var found []error
	for _, f := range t.faults[:min(20, len(t.faults))] {
		found = append(found, errors.New(f))
	}
	return errors.Join(found...)
}

// waited notes how long a request took, and keeps the one that came closest to its limit.
func (c *counts) waited(took, allowed time.Duration) {
	if c.allowed == 0 || cmp.Compare(allowed-took, c.allowed-c.slowest) < 0 {
		c.slowest, c.allowed = took, allowed
	}
}
