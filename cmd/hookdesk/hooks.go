package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hookdesk/hookdesk/cmd/hookdesk/internal/catalogue"
	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// hooksCommand tells of the hook points: those of this program or, with --url,
// those of a running desk with their handlers.
type hooksCommand struct {
	remote
	Point string `arg:"" optional:"" help:"Tell all of this one, such as ticket.create.before."`
}

// Help is what stands above the flags.
func (hooksCommand) Help() string {
	return `Without --url: every point of core and of the plugins of this program, and for one
point what a handler looks like and what it is given.

With --url: who hooks what in the desk that runs there, in the order of calls, and
how that goes. Half of a handler's calls took less than P50, and 99 of 100 less
than P99, counted since its process started.`
}

// Run prints the points.
func (c hooksCommand) Run(ctx context.Context, to output) error {
	if c.URL != "" {
		return c.ask(ctx, to)
	}
	points, err := ownPoints()
	if err != nil {
		return err
	}
	if c.Point == "" {
		printPoints(to, points)
		return nil
	}
	p, err := catalogue.Find(points, c.Point)
	if err != nil {
		return err
	}
	printPoint(to, p)
	return nil
}

// ownPoints are the points of a desk with all plugins of this program. It is made
// in memory, for plugins declare their points to a desk.
func ownPoints() (points []catalogue.Point, err error) {
	db, end, err := tables{Database: "sqlite::memory:"}.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	secret := make([]byte, 32) // some plugin may have a setting to encrypt; none is set here
	desk, err := core.New(core.Config{DB: db, Plugins: firstParty(), Secret: secret, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return catalogue.Of(desk), desk.Close()
}

func columns(to io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(to, 0, 0, 2, ' ', 0) }

func printPoints(to output, points []catalogue.Point) {
	w := columns(to.out)
	fmt.Fprintln(w, "POINT\tKIND\tON FAILURE\tTIMEOUT\tDOC")
	for _, p := range points {
		about := p.Point()
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s%s\n", about.Name, p.Kind(), p.OnFailure(), limit(about.Timeout), about.Doc, writable(about))
	}
	_ = w.Flush() // as every other line of output
}

// limit is a deadline in words.
func limit(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return d.String()
}

func writable(p hooks.Point) string {
	if len(p.Writable) == 0 {
		return ""
	}
	return " Writable: " + strings.Join(p.Writable, ", ") + "."
}

// printPoint tells what an author has to know of a point.
func printPoint(to output, p catalogue.Point) {
	about := p.Point()
	to.printf("%s (%s)\n%s\n\n", about.Name, p.Kind(), about.Doc)
	w := columns(to.out)
	if p.Field != "" {
		fmt.Fprintf(w, "attach by\ton.%s.Add(h, \"name\", handler)\n", p.Field)
	}
	fmt.Fprintf(w, "a handler\tfunc(%s) error\n", p.Params("v"))
	fmt.Fprintf(w, "on failure\t%s\n", p.OnFailure())
	fmt.Fprintf(w, "timeout\t%s\n", limit(about.Timeout))
	if len(about.Writable) > 0 {
		fmt.Fprintf(w, "writable\t%s\n", strings.Join(about.Writable, ", "))
	}
	for i, h := range p.Handlers() {
		fmt.Fprintf(w, "handler %d\t%s\n", i+1, h.Name)
	}
	_ = w.Flush() // as every other line of output
	to.printf("\n")
	printFields(to, p)
}

func printFields(to output, p catalogue.Point) {
	w := columns(to.out)
	fmt.Fprintf(w, "FIELD OF %s\tTYPE\tJSON\n", p.PayloadType())
	for _, f := range catalogue.Fields(p.PayloadType()) {
		line := strings.Repeat("  ", f.Depth+1) + f.Name + "\t" + f.Type + "\t" + f.JSON
		if f.Doc != "" {
			line += "\t" + f.Doc
		}
		fmt.Fprintln(w, line)
	}
	_ = w.Flush() // as every other line of output
}

// ask prints the handlers of a running desk.
func (c hooksCommand) ask(ctx context.Context, to output) error {
	var answer struct{ Points []core.HookPoint }
	if err := c.get(ctx, "api/hooks", &answer); err != nil {
		return err
	}
	points := answer.Points
	if c.Point != "" {
		i := slices.IndexFunc(points, func(p core.HookPoint) bool { return p.Name == c.Point })
		if i < 0 {
			return catalogue.Unknown(c.Point, namesOf(points))
		}
		points = points[i : i+1]
		to.printf("%s (%s)\n%s%s\n\n", c.Point, points[0].Kind, points[0].Doc, writable(points[0].Point))
	}
	printHandlers(to, points)
	return nil
}

func namesOf(points []core.HookPoint) []string {
	var names []string
	for _, p := range points {
		names = append(names, p.Name)
	}
	return names
}

// printHandlers prints a line for each handler, and below them what went wrong.
func printHandlers(to output, points []core.HookPoint) {
	w := columns(to.out)
	fmt.Fprintln(w, "POINT\tORDER\tHANDLER\tPLUGIN\tON FAILURE\tTIMEOUT\tCALLS\tFAILURES\tVETOES\tP50\tP99")
	idle := 0
	var failures []string
	for _, p := range points {
		for i, h := range p.Handlers {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", p.Name, i+1, h.Name, h.Plugin, h.OnFailure, limit(h.Timeout),
				h.Calls, h.Failures, h.Vetoes, limit(h.P50), limit(h.P99))
			if h.LastFailure != "" {
				failures = append(failures, fmt.Sprintf("%s at %s failed last on %s:\n    %s\n", h.Name, p.Name,
					h.LastFailureAt.UTC().Format(time.DateTime), strings.ReplaceAll(h.LastFailure, "\n", "\n    ")))
			}
		}
		if len(p.Handlers) == 0 {
			idle++
		}
	}
	_ = w.Flush() // as every other line of output
	if idle > 0 {
		to.printf("\n%d of %d points have no handler.\n", idle, len(points))
	}
	for _, text := range failures {
		to.printf("\n%s", text)
	}
}
