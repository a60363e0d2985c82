// Package classify gives new tickets a priority and tags by the words in them, and
// tells agents why. It uses only what crosses to another process, so it runs inside
// a desk and outside of one.
package classify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

// Settings are what an admin may change while the desk runs.
type Settings struct {
	Urgent []string `json:"urgent" max:"200" doc:"words that make a ticket urgent"`
	Tags   []string `json:"tags" max:"200" doc:"word=tag: a ticket with the word gets the tag"`
	Note   bool     `json:"note" doc:"tell the agents in a note"`
}

// Plugin is the feature. Make one with New for each desk.
type Plugin struct{ host core.Host }

// New makes the plugin.
func New() *Plugin { return &Plugin{} }

// Manifest implements core.Plugin.
func (p *Plugin) Manifest() core.Manifest {
	return core.Manifest{
		ID: "classify", Name: "Classify", Version: "1.0.0",
		Doc:         "Sets priority and tags of new tickets by the words in them.",
		Settings:    Settings{Urgent: []string{"down", "outage", "urgent"}, Tags: []string{"invoice=billing", "refund=billing"}, Note: true},
		Permissions: []string{"tickets:read", "tickets:write"},
		UI:          []core.Contribution{{Slot: "ticket.sidebar", Title: "Classified", Path: "/api/classify/tickets/{ticket}"}},
	}
}

// Register implements core.Plugin: it is the table of contents.
func (p *Plugin) Register(h core.Host) error {
	p.host = h
	on := h.Hooks()
	on.Ticket.Create.Before.Add(h, "sort", p.sort)
	on.Ticket.Create.After.Add(h, "explain", p.explain)

	h.Handle("GET /api/classify/tickets/{ticket}", core.Agents, core.JSON(p.panel, core.Doc("Why a ticket has its priority and tags.")))
	return nil
}

// sort changes the draft of a ticket: its priority, which can always be set. Tags
// come later, for one that an admin has deleted would refuse the ticket.
func (p *Plugin) sort(_ context.Context, t *core.TicketDraft) error {
	s, err := p.settings()
	if err != nil {
		return err
	}
	words := wordsOf(t.Subject + " " + t.Body)
	if slices.ContainsFunc(s.Urgent, func(w string) bool { return words[w] }) {
		t.Priority = core.Urgent
	}
	return nil
}

// finding is what is kept of a ticket.
type finding struct {
	Words []string `json:"words"`
	Noted bool     `json:"noted"`
}

// explain keeps which words were found, and tells the agents once. The event may
// come twice: the note carries a key by which the desk knows it.
func (p *Plugin) explain(ctx context.Context, e hooks.Event[core.TicketCreated]) error {
	s, err := p.settings()
	if err != nil {
		return err
	}
	ticket, err := p.read(ctx, e.Data.Ticket.ID)
	if core.KindOf(err) == core.NotFound {
		return nil // it was deleted meanwhile
	}
	if err != nil {
		return err
	}
	words := wordsOf(ticket.text())
	found := found(s, words)
	if len(found) == 0 {
		return nil
	}
	if err := p.tag(ctx, ticket, tagsFor(s, words)); err != nil {
		return err
	}
	if s.Note {
		if err := p.note(ctx, e, found); err != nil {
			return err
		}
	}
	value, err := json.Marshal(finding{found, s.Note})
	if err != nil {
		return err
	}
	_, err = p.host.KV().Put(ctx, core.Value{Key: key(e.Data.Ticket.ID), Value: value, Version: core.AnyVersion})
	return err
}

// ticketShown is what the plugin wants to know of a ticket.
type ticketShown struct {
	Ticket struct {
		ID      int64
		Subject string
		Tags    []struct{ Slug string }
	}
	Replies []struct{ Body string }
}

// text is the subject and the opening message.
func (t ticketShown) text() string {
	text := t.Ticket.Subject
	if len(t.Replies) > 0 {
		text += " " + t.Replies[0].Body
	}
	return text
}

func (p *Plugin) read(ctx context.Context, ticket int64) (t ticketShown, err error) {
	err = sdk.Fetch(ctx, p.host, fmt.Sprintf("GET /api/tickets/%d", ticket), nil, &t)
	return t, err
}

// tag adds tags; one that does not exist is for the admin to mend.
func (p *Plugin) tag(ctx context.Context, t ticketShown, tags []string) error {
	all := []string{}
	for _, has := range t.Ticket.Tags {
		all = append(all, has.Slug)
	}
	had := len(all)
	for _, tag := range tags {
		if !slices.Contains(all, tag) {
			all = append(all, tag)
		}
	}
	if len(all) == had {
		return nil
	}
	err := sdk.Fetch(ctx, p.host, fmt.Sprintf("POST /api/tickets/%d/tags", t.Ticket.ID), map[string]any{"tags": all}, nil)
	if core.KindOf(err) == core.Invalid {
		p.host.Log().WarnContext(ctx, "tags cannot be added", "ticket", t.Ticket.ID, "tags", tags, "err", err)
		return nil
	}
	return err
}

func (p *Plugin) note(ctx context.Context, e hooks.Event[core.TicketCreated], found []string) error {
	route := fmt.Sprintf("POST /api/tickets/%d/replies", e.Data.Ticket.ID)
	note := map[string]any{"body": "Classified by: " + strings.Join(found, ", "), "internal": true}
	once := http.Header{"Idempotency-Key": {fmt.Sprintf("classify-%d", e.ID)}}
	return sdk.Fetch(ctx, p.host, route, note, nil, once)
}

type panelOf struct {
	Ticket int64 `path:"ticket" min:"1"`
}

// panel answers what the sidebar of a ticket shows.
func (p *Plugin) panel(ctx context.Context, in panelOf) (core.Panel, error) {
	out := core.Panel{Fields: []core.PanelField{}, Actions: []core.PanelAction{}}
	v, err := p.host.KV().Get(ctx, key(in.Ticket))
	if core.KindOf(err) == core.NotFound {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	var f finding
	if err := json.Unmarshal(v.Value, &f); err != nil {
		return out, err
	}
	out.Fields = append(out.Fields, core.PanelField{Label: "Words", Text: strings.Join(f.Words, ", ")})
	return out, nil
}

func (p *Plugin) settings() (s Settings, err error) {
	err = p.host.Settings(&s)
	return s, err
}

func key(ticket int64) string { return "ticket/" + strconv.FormatInt(ticket, 10) }
