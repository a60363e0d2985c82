package main

import (
	"context"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/sla"
)

// levelCases measure what the plugin sla costs. A second desk on the same
// database has it, with a policy for every ticket, and of each ticket that is
// there something is promised for later.
func (d *desk) levelCases(ctx context.Context, db *gorm.DB) ([]pair, error) {
	var host core.Host
	with, err := core.New(core.Config{DB: db, Logger: slog.New(slog.DiscardHandler), Plugins: []core.Plugin{
		sla.New(sla.Config{}), core.Inline("bench", func(h core.Host) error { host = h; return nil }),
	}})
	if err != nil {
		return nil, err
	}
	d.undo = append(d.undo, with.Close)
	levels, _ := core.Lookup[*sla.Levels](host)
	if err := promiseAll(ctx, with, levels, db); err != nil {
		return nil, err
	}
	asker := core.As(ctx, d.asker)
	create := func(on *core.Desk) side {
		return func(context.Context, int) ([]int64, error) {
			t, err := on.Tickets.Create(asker, core.TicketDraft{Subject: subject, Body: body, Priority: core.Medium})
			return []int64{t.ID}, err
		}
	}
	ring := func(context.Context, int) ([]int64, error) { return nil, levels.Ring(host.As(ctx)) }
	scan := func(context.Context, int) ([]int64, error) {
		var due []int64
		now := time.Now().UnixMicro()
		err := db.WithContext(ctx).Raw("SELECT ticket_id FROM hookdesk_sla_promises WHERE alarm_at <= ? ORDER BY alarm_at, ticket_id LIMIT 100", now).Scan(&due).Error
		return due, err
	}
	return []pair{
		{"create with clocks (without)", 1.25, create(with), create(d.Desk)},
		{"look for what is due", 2, ring, scan},
	}, nil
}

// promiseAll makes a policy, and a promise for each ticket.
func promiseAll(ctx context.Context, on *core.Desk, levels *sla.Levels, db *gorm.DB) error {
	admin, err := on.ActorOf(ctx, core.Identity{UserID: "levels", Role: core.Admin})
	if err != nil {
		return err
	}
	target := &sla.Targets{FirstResponse: &sla.Target{Minutes: 600, Hours: sla.AllHours}, Resolution: &sla.Target{Minutes: 6000, Hours: sla.AllHours}}
	_, err = levels.SavePolicy(core.As(ctx, admin), 0, sla.PolicyDraft{Name: "All", IsDefault: true, Terms: sla.Terms{
		Targets: sla.PerPriority{Low: target, Medium: target, High: target, Urgent: target, Critical: target},
	}}, nil)
	if err != nil {
		return err
	}
	later := time.Now().AddDate(1, 0, 0).UnixMicro()
	return db.WithContext(ctx).Exec("INSERT INTO hookdesk_sla_promises "+
		"(ticket_id, policy_id, policy_version, why, held, due_at, due_kind, alarm_at, breached, untouched) "+
		"SELECT id, 1, 1, '', '', ?, 'resolution', ?, false, true FROM hookdesk_tickets", later, later).Error
}
