// Command bench measures a desk against SQL written by hand, in one run and on
// the same database, and compares the ratios with what was promised. Absolute
// times tell about the machine; ratios tell about the desk.
//
// The desk's side is the service call that the API's handler makes, by an actor
// whose rights are checked. The other side is what somebody would write who
// needs just this answer, knows the schema, and has no plugins, no hooks and no
// other database in mind: statements prepared once, joins, plain structs. Both
// return the same rows and columns, or write the same rows, the event included.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	if was, err := playRole(); was {
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench: a helper:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing left to do
	}
}

// options are the flags.
type options struct {
	tickets   int
	databases string
	rounds    int
	time      time.Duration
	only      string
	check     bool
	profile   string
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.tickets, "tickets", 100_000, "how many `tickets` the desk has")
	flags.StringVar(&o.databases, "db", "sqlite,postgres", "the `databases`; PostgreSQL is started, or is the one of HOOKDESK_TEST_POSTGRES_DSN")
	flags.IntVar(&o.rounds, "rounds", 4000, "at most so many `rounds` of a case, each of one call of either side")
	flags.DurationVar(&o.time, "time", 4*time.Second, "at most so `long` for a case")
	flags.StringVar(&o.only, "only", "", "only cases whose name holds this `text`, to profile one")
	flags.BoolVar(&o.check, "check", false, "fail when a promise is broken")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the measured rounds to this `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	desks, err := o.open(ctx)
	defer func() { err = errors.Join(err, closeAll(desks)) }()
	if err != nil {
		return err
	}
	results, err := o.measure(ctx, desks)
	if err := errors.Join(err, table(out, results)); err != nil {
		return err
	}
	if broken := broken(results); o.check && len(broken) > 0 {
		return fmt.Errorf("promises are broken: %s", strings.Join(broken, ", "))
	}
	return nil
}

// open makes the desks.
func (o options) open(ctx context.Context) (desks []*desk, err error) {
	for name := range strings.SplitSeq(o.databases, ",") {
		d, err := open(ctx, name, o.tickets)
		if err != nil {
			return desks, err
		}
		desks = append(desks, d)
	}
	return desks, nil
}

func closeAll(desks []*desk) error {
	var err error
	for _, d := range desks {
		err = errors.Join(err, d.close())
	}
	return err
}

// wanted reports whether a case is among those that are to be measured.
func (o options) wanted(name string) bool { return strings.Contains(name, o.only) }

// measure runs the cases on each database, and those that need none.
func (o options) measure(ctx context.Context, desks []*desk) ([]result, error) {
	stop, err := profileTo(o.profile)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, d := range desks {
		for _, p := range d.pairs {
			if !o.wanted(p.name) {
				continue
			}
			r, err := o.compare(ctx, p)
			if err != nil {
				return results, errors.Join(fmt.Errorf("%s on %s: %w", p.name, d.name, err), stop())
			}
			r.database = d.name
			results = append(results, r)
		}
	}
	for _, d := range desks {
		if !o.wanted("counts of views") {
			continue
		}
		more, err := o.countCases(d)
		if results = append(results, more...); err != nil {
			return results, errors.Join(err, stop())
		}
	}
	for _, d := range desks {
		more, err := o.liveCases(ctx, d.name)
		if results = append(results, more...); err != nil {
			return results, errors.Join(err, stop())
		}
	}
	more, err := o.externalCases(ctx)
	if results = append(results, more...); err != nil || o.only != "" {
		return results, errors.Join(err, stop())
	}
	points, err := hookPoints()
	return append(results, points...), errors.Join(err, stop())
}
