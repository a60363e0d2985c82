// Command crash shows that a desk loses nothing that it has acknowledged. It
// starts a real desk in processes of its own, lets writers change tickets over
// HTTP, a plugin listen, a job count and a browser watch, and does to it what
// happens to programs: kills it at any moment, freezes it past its leases, stops
// PostgreSQL. At the end it holds the database against a log of what was
// acknowledged. That it would find something is shown by bugs that it can build
// into the desk; see plant.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hookdesk/hookdesk/internal/pgtest"
)

func main() {
	if text := os.Getenv(processEnv); text != "" {
		exit(serve(text))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(run(ctx, os.Args[1:], os.Stdout))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// options are the flags.
type options struct {
	databases string
	cycles    int
	plant     string
	seed      uint64
	keep      string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("crash", flag.ContinueOnError)
	flags.StringVar(&o.databases, "db", "sqlite,postgres", "the `databases`")
	flags.IntVar(&o.cycles, "cycles", 100, "how many `cycles` on each database")
	flags.StringVar(&o.plant, "plant", "", "build this `bug` in: event-outside, ack-early, no-fence, raw-cursor")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "what happens follows from this `number`, but for the moments")
	flags.StringVar(&o.keep, "keep", "", "leave ledgers, logs and databases in this `folder`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	results := map[string]tally{}
	for database := range strings.SplitSeq(o.databases, ",") {
		t, err := o.rounds(ctx, database)
		if err != nil {
			return err
		}
		results[database] = t
	}
	return report(out, o, results)
}

// roundLength is how many cycles a database lasts.
const roundLength = 50

// rounds does the cycles on one kind of database.
func (o options) rounds(ctx context.Context, database string) (total tally, err error) {
	dir := o.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "hookdesk-crash-"); err != nil {
			return total, err
		}
		defer os.RemoveAll(dir)
	}
	var server *pgtest.Server
	if database == "postgres" {
		if server, err = pgtest.NewServer(); err != nil {
			return total, err
		}
	}
	for done := 0; done < o.cycles; done += roundLength {
		r := &round{cycles: min(roundLength, o.cycles-done), plant: o.plant, seed: o.seed + uint64(done), server: server}
		r.dir = filepath.Join(dir, fmt.Sprintf("%s-%d", database, done/roundLength+1))
		if err := os.MkdirAll(r.dir, 0o700); err != nil {
			return total, err
		}
		t, err := r.run(ctx)
		if total = total.plus(t); err != nil {
			return total, fmt.Errorf("%s, seed %d: %w", database, r.seed, err)
		}
		if o.keep == "" {
			if err := os.RemoveAll(r.dir); err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// report prints the table, and then what was found; that is an error.
func report(out io.Writer, o options, results map[string]tally) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := "database\tcycles\tkills\tfreezes\tserver stops\tacknowledged\tevents\tstreams resumed\t" + strings.Join(kinds(), "\t")
	if _, err := fmt.Fprintln(w, head); err != nil {
		return err
	}
	var found []error
	for database := range strings.SplitSeq(o.databases, ",") {
		t := results[database]
		row := []any{database, t.Cycles, t.Kills, t.Freezes, t.Stops, t.Acknowledged, t.Events, t.Resumed}
		for _, kind := range kinds() {
			row = append(row, len(t.Faults[kind]))
			for _, text := range t.Faults[kind][:min(10, len(t.Faults[kind]))] {
				found = append(found, fmt.Errorf("%s, seed %d, %s: %s", database, o.seed, kind, text))
			}
		}
		if _, err := fmt.Fprintf(w, strings.Repeat("%v\t", len(row)-1)+"%v\n", row...); err != nil {
			return err
		}
	}
	return errors.Join(append(found, w.Flush())...)
}
