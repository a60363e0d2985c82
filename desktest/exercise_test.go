package desktest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// toy is a plugin that a test makes of parts.
type toy struct {
	sql      string // of its migration; "" is that of toyTable, "-" none
	settings any
	edit     func(*core.Manifest)
	register func(core.Host) error
}

const (
	toyTable = `-- +goose Up
		CREATE TABLE {{.Prefix}}toy_notes (
			id        {{.ID}},
			ticket_id bigint NOT NULL REFERENCES {{.Prefix}}tickets (id) ON DELETE CASCADE,
			event_id  bigint UNIQUE,
			body      text   NOT NULL
		);` + toyDown
	toyDown = `
		-- +goose Down
		DROP TABLE {{.Prefix}}toy_notes;`
)

// note is a row of hookdesk_toy_notes.
type note struct {
	ID       int64  `json:"id"`
	TicketID int64  `json:"ticket_id"`
	EventID  *int64 `json:"-"`
	Body     string `json:"body"`
}

func (p toy) Manifest() core.Manifest {
	m := core.Manifest{ID: "toy", Name: "Toy", Version: "1.0.0", Doc: "Keeps notes.", Settings: p.settings}
	if sql := cmp.Or(p.sql, toyTable); sql != "-" {
		m.Migrations = fstest.MapFS{"0001_notes.sql": {Data: []byte(strings.ReplaceAll(sql, "\t\t-- +goose", "-- +goose"))}}
	}
	if p.edit != nil {
		p.edit(&m)
	}
	return m
}

func (p toy) Register(h core.Host) error {
	if p.register == nil {
		return nil
	}
	return p.register(h)
}

// does is a toy that registers so.
func does(register func(core.Host)) func() core.Plugin {
	return func() core.Plugin {
		return toy{register: func(h core.Host) error { register(h); return nil }}
	}
}

// broken is a plugin that a check must find fault with.
type broken struct {
	plugin   func() core.Plugin
	check    string
	says     string
	db       Database // "" is SQLite
	scenario Scenario
}

// mustFail holds each plugin against the check that is there for it.
func mustFail(t *testing.T, rows map[string]broken) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(checks, func(c check) bool { return c.name == row.check })
			s := newSuite(row.plugin)
			if row.scenario != nil {
				s = newSuite(row.plugin, With(row.scenario))
			}
			failures, _ := attempt(t, func(t testing.TB) { checks[i].run(s, t, cmp.Or(row.db, SQLite)) })
			if !slices.ContainsFunc(failures, func(f string) bool { return strings.Contains(f, row.says) }) {
				t.Errorf("the check %s does not say %q, but:\n%s", row.check, row.says, strings.Join(failures, "\n"))
			}
		})
	}
}

func TestAnInnocentPluginPasses(t *testing.T) {
	t.Parallel()
	Exercise(t, func() core.Plugin {
		return toy{
			settings: innocentSettings{Greeting: "Hello", Most: 10},
			register: func(h core.Host) error { return (&innocent{h: h}).register() },
		}
	}, With(func(t testing.TB, d *Desk, ticket core.Ticket) {
		d.Do(Agent, fmt.Sprintf("PUT /api/tickets/%d/toy", ticket.ID), map[string]any{"body": "mind the gap"}).Want(200)
	}))
}

func TestAPluginThatDoesNothingPasses(t *testing.T) {
	t.Parallel()
	s := newSuite(func() core.Plugin { return core.Inline("nothing", func(core.Host) error { return nil }) })
	for _, c := range checks {
		if failures, _ := attempt(t, func(t testing.TB) { c.run(s, t, SQLite) }); len(failures) > 0 {
			t.Errorf("%s:\n%s", c.name, strings.Join(failures, "\n"))
		}
	}
}

type innocentSettings struct {
	Greeting string `json:"greeting" max:"40" doc:"what each note begins with"`
	Most     int    `json:"most" min:"1" max:"100" doc:"how many are listed"`
	APIKey   string `json:"api_key" secret:"true" doc:"of the service that reads the notes"`
}

// innocent does a little of all that a plugin may do.
type innocent struct{ h core.Host }

func (p *innocent) register() error {
	on := p.h.Hooks()
	on.Ticket.Create.Before.Add(p.h, "spam", func(_ context.Context, d *core.TicketDraft) error {
		if strings.Contains(d.Subject, "DROP TABLE") {
			return hooks.Veto("spam", "no SQL, please")
		}
		return nil
	})
	on.Reply.Add.Within.Add(p.h, "within", func(_ context.Context, tx *gorm.DB, e *core.ReplyAdded) error {
		return p.h.DB(core.WithTx(context.Background(), tx)).Create(&note{TicketID: e.Ticket.ID, Body: "a reply"}).Error
	})
	on.Ticket.Create.After.Add(p.h, "after", func(ctx context.Context, e hooks.Event[core.TicketCreated]) error {
		row := &note{TicketID: e.Data.Ticket.ID, EventID: &e.ID, Body: "a ticket"}
		return p.h.DB(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(row).Error
	})
	p.h.Handle("GET /api/tickets/{id}/toy", core.Agents, core.JSON(p.list))
	p.h.Handle("PUT /api/tickets/{id}/toy", core.Agents, core.JSON(p.put))
	p.h.Every("tidy", time.Hour, func(ctx context.Context) error {
		return p.h.DB(ctx).Where("body = ''").Delete(&note{}).Error
	})
	// What has to run by itself starts with the desk and with the plugin, and ends with both.
	ctx, cancel := context.WithCancel(context.Background())
	p.h.OnDisable(cancel)
	run := func(desk context.Context) {
		context.AfterFunc(desk, cancel)
		go func() { <-ctx.Done() }()
	}
	p.h.OnStart(func(desk context.Context) error { run(desk); return nil })
	return nil
}

type oneTicket struct {
	ID int64 `path:"id" min:"1"`
}

func (p *innocent) list(ctx context.Context, in oneTicket) (out struct {
	Notes []note `json:"notes"`
}, err error) {
	if _, err := p.h.Desk().Tickets.Get(ctx, in.ID); err != nil {
		return out, err
	}
	out.Notes = []note{}
	return out, p.h.DB(ctx).Where("ticket_id = ?", in.ID).Order("id").Find(&out.Notes).Error
}

type putNote struct {
	ID   int64  `path:"id" min:"1"`
	Body string `json:"body" min:"1" max:"200"`
}

func (p *innocent) put(ctx context.Context, in putNote) (note, error) {
	var s innocentSettings
	if _, err := p.h.Desk().Tickets.Get(ctx, in.ID); err != nil {
		return note{}, err
	}
	if err := p.h.Settings(&s); err != nil {
		return note{}, err
	}
	row := note{TicketID: in.ID, Body: s.Greeting + " " + in.Body}
	err := p.h.DB(ctx).Create(&row).Error
	return row, err
}
