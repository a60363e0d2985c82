package main

import (
	"context"
	"embed"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

//go:embed migrations/*.sql
var migrations embed.FS

// probe is a plugin that writes down whatever reaches it.
type probe struct {
	host   core.Host
	within bool // a desk on a Store of the host's has no transaction for it
}

type heard struct {
	ID       int64
	Handler  string
	EventID  int64
	TicketID int64
}

func (heard) TableName() string { return "hookdesk_probe_heard" }

type effect struct {
	ID      int64
	Handler string
	EventID int64
}

func (effect) TableName() string { return "hookdesk_probe_effects" }

type within struct {
	ID      int64
	ReplyID int64
}

func (within) TableName() string { return "hookdesk_probe_within" }

type counted struct {
	ID int64
	N  int64
}

func (counted) TableName() string { return "hookdesk_probe_count" }

// Manifest implements core.Plugin.
func (*probe) Manifest() core.Manifest {
	return core.Manifest{ID: "probe", Name: "Probe", Version: "1.0.0", Doc: "Writes down whatever reaches it.", Migrations: migrations}
}

// Register implements core.Plugin.
func (p *probe) Register(h core.Host) error {
	p.host = h
	listen(p, &h.Hooks().Ticket.Create.After)
	listen(p, &h.Hooks().Ticket.Update.After)
	listen(p, &h.Hooks().Ticket.Merge.After)
	listen(p, &h.Hooks().Reply.Add.After)
	h.Every("count", 10*time.Millisecond, p.count)
	if p.within {
		h.Hooks().Reply.Add.Within.Add(h, "note", func(_ context.Context, tx *gorm.DB, e *core.ReplyAdded) error {
			return tx.Create(&within{ReplyID: e.Reply.ID}).Error
		})
	}
	return nil
}

// listen hears the events of a point: each call in a transaction of its own, and
// the effect through Once.
func listen[E any](p *probe, at *hooks.After[E]) {
	name := at.Point().Name
	at.Add(p.host, "hear", func(ctx context.Context, e hooks.Event[E]) error {
		ticket, err := strconv.ParseInt(strings.TrimPrefix(e.Key, "ticket:"), 10, 64)
		if err != nil {
			return err
		}
		if err := p.host.DB(ctx).Create(&heard{Handler: name, EventID: e.ID, TicketID: ticket}).Error; err != nil {
			return err
		}
		return p.host.Once(ctx, e.ID, name, func(ctx context.Context) error {
			return p.host.DB(ctx).Create(&effect{Handler: name, EventID: e.ID}).Error
		})
	})
}

// count adds the next number. Between the look at the last one and the write is
// time enough for a process to be stopped, and for another to do the same work.
func (p *probe) count(ctx context.Context) error {
	var last int64
	if err := p.host.DB(ctx).Model(&counted{}).Select("coalesce(max(n), 0)").Scan(&last).Error; err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
	}
	return p.host.Change(ctx, func(ctx context.Context) error {
		return p.host.DB(ctx).Create(&counted{N: last + 1}).Error
	})
}
