// Command hookdesk is the stand-alone helpdesk: a server for whoever embeds no
// desk in a program of their own, a demo with data in it, the migrations by hand,
// and the tool of whoever writes a plugin.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx, os.Args[1:], output{os.Stdout, os.Stderr})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hookdesk:", err)
		os.Exit(1)
	}
}

// commands are what stands on the command line.
type commands struct {
	Demo    demoCommand    `cmd:"" help:"Start a desk with two months of invented tickets in it."`
	Serve   serveCommand   `cmd:"" help:"Serve a desk behind a reverse proxy that says who is calling."`
	Migrate migrateCommand `cmd:"" help:"Bring the tables of a database up to date, take a plugin's back, or look how far they are."`
	Events  eventsCommand  `cmd:"" help:"Look after the events that are on their way to plugins: list, retry, drop."`
	Hooks   hooksCommand   `cmd:"" help:"List the hook points, and who hooks them in a desk that runs."`
	Plugin  pluginCommand  `cmd:"" help:"Write a plugin of your own, or verify one that is a binary."`
	Plugins pluginsCommand `cmd:"" help:"List the plugins; switch one of a desk that runs on or off."`
}

// output is where a command writes: what was asked for to the one, its log to
// the other.
type output struct{ out, log io.Writer }

func (o output) printf(format string, args ...any) { fmt.Fprintf(o.out, format, args...) }

func (o output) logger(from slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: from}))
}

// run carries out the command of args, until it is done or ctx ends.
func run(ctx context.Context, args []string, to output) error {
	var cli commands
	helped := false
	parser, err := kong.New(&cli, kong.Name("hookdesk"), kong.Writers(to.out, to.log),
		kong.Description("Hookdesk, the helpdesk that is made of plugins."),
		kong.Exit(func(int) { helped = true }), // --help wants to end the program, a test does not
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(to))
	if err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	chosen, err := parser.Parse(args)
	var wrong *kong.ParseError
	switch {
	case helped:
		return nil
	case errors.As(err, &wrong):
		return fmt.Errorf("%w; hookdesk --help lists what there is", err)
	case err != nil:
		return err
	}
	return chosen.Run()
}
