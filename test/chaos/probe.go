package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// dirEnv makes this program the plugin: the folder that it shares with the desk.
const dirEnv = "HOOKDESK_CHAOS_DIR"

// The places at which something happens, and what.
const (
	skip   = "before, skip"
	abort  = "before, abort"
	filter = "filter"
	after  = "after"
	route  = "route"

	kill   = "SIGKILL"
	freeze = "SIGSTOP"
)

func places() []string { return []string{skip, abort, filter, after, route} }

func signals() []string { return []string{kill, freeze} }

// probe is the plugin. A text that names a place makes it signal itself there, once.
type probe struct{ dir string }

func (*probe) Manifest() core.Manifest {
	return core.Manifest{ID: "probe", Name: "Probe", Version: "1.0.0", Doc: "Dies where it is told to."}
}

func (p *probe) Register(h core.Host) error {
	on := h.Hooks()
	on.Ticket.Create.Before.Add(h, "skip", func(_ context.Context, t *core.TicketDraft) error {
		t.Body += " seen"
		return p.strike(skip, t.Subject)
	}, hooks.IfBroken(hooks.Skip))
	on.Reply.Add.Before.Add(h, "abort", func(_ context.Context, r *core.ReplyDraft) error { return p.strike(abort, r.Body) })
	on.Ticket.Show.Add(h, "filter", func(_ context.Context, s *core.TicketsShown) error {
		for _, t := range s.Tickets {
			if err := p.strike(filter, t.Subject); err != nil {
				return err
			}
		}
		return nil
	})
	on.Ticket.Create.After.Add(h, "created", func(_ context.Context, e hooks.Event[core.TicketCreated]) error {
		return p.effect("created", e.Data.Ticket.ID, e.ID, e.Data.Ticket.Subject)
	})
	on.Reply.Add.After.Add(h, "replied", func(_ context.Context, e hooks.Event[core.ReplyAdded]) error {
		return p.effect("replied", e.Data.Ticket.ID, e.ID, e.Data.Ticket.Subject)
	})
	h.Handle("GET /api/probe/{word}", core.Agents, core.Func(func(w http.ResponseWriter, r *http.Request) error {
		if err := p.strike(route, r.PathValue("word")); err != nil {
			return err
		}
		_, err := w.Write([]byte("ok"))
		return err
	}))
	return nil
}

// effect is one line in a file, behind the strike or before it.
func (p *probe) effect(handler string, ticket, event int64, subject string) error {
	if event%2 == 0 {
		if err := p.strike(after, subject); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(filepath.Join(p.dir, "effects"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f, "%s %d %d\n", handler, ticket, event); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return p.strike(after, subject)
}

// order is the text that makes the probe strike: "-7-SIGKILL-after-".
func order(round int, signal, place string) string {
	return fmt.Sprintf("-%d-%s-%s-", round, signal, strings.ReplaceAll(place, ", ", "+"))
}

// strike does what the text orders, when this is the place, and it was not done.
func (p *probe) strike(place, text string) error {
	for _, signal := range signals() {
		_, rest, found := strings.Cut(text, "order")
		if !found || !strings.Contains(rest, "-"+signal+"-"+strings.ReplaceAll(place, ", ", "+")+"-") {
			continue
		}
		mark, _, _ := strings.Cut(rest, " ")
		f, err := os.OpenFile(filepath.Join(p.dir, "mark"+mark), os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil //nolint:nilerr // it was done before
		}
		f.Close()
		return syscall.Kill(os.Getpid(), number(signal))
	}
	return nil
}
