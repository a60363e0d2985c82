package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// hurry is a plugin that this program is when a desk runs it: its handlers do next
// to nothing.
type hurry struct{}

func (hurry) Manifest() core.Manifest {
	return core.Manifest{ID: "hurry", Name: "Hurry", Version: "1.0.0", Doc: "Makes tickets urgent."}
}

func (hurry) Register(h core.Host) error {
	h.Hooks().Ticket.Create.Before.Add(h, "hurry", func(_ context.Context, t *core.TicketDraft) error {
		t.Priority = core.Urgent
		return nil
	})
	// Unread: what a handler makes of the payload is not the way there.
	_, err := hooks.Listen(&h.Hooks().Reply.Add.After, h, "hear", func(context.Context, hooks.Envelope) error { return nil })
	return err
}

// border is a desk with that plugin in a process of its own.
type border struct {
	*live
	plugin *external.Plugin
	points map[string]hooks.Inspector
}

func openBorder(ctx context.Context, dsn string) (*border, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &border{plugin: external.New(self, external.Deadlines(time.Minute, 0, 0)), points: map[string]hooks.Inspector{}}
	if b.live, err = startLive(ctx, dsn, b.plugin); err != nil {
		return nil, err
	}
	for _, p := range b.Points() {
		b.points[p.Point().Name] = p
	}
	return b, nil
}

// externalCases measure the way to a plugin in a process of its own and back.
func (o options) externalCases(ctx context.Context) (results []result, err error) {
	for _, c := range []struct {
		name    string
		measure func(context.Context, *border) (result, error)
	}{
		{"before in another process (against a bare gRPC call)", o.acrossAndBack},
		{"after in another process, 64 under way, each", o.delivered},
		{"plugin's process from start to ready", o.ready},
	} {
		if !strings.Contains(c.name, o.only) {
			continue
		}
		r, err := o.onBorder(ctx, c.measure)
		if err != nil {
			return results, fmt.Errorf("%s: %w", c.name, err)
		}
		r.name, r.database = c.name, "-"
		results = append(results, r)
	}
	return results, nil
}

func (o options) onBorder(ctx context.Context, measure func(context.Context, *border) (result, error)) (r result, err error) {
	d := &desk{name: "sqlite"}
	dsn, err := d.create(d.name)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	b, err := openBorder(ctx, dsn)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	return measure(ctx, b)
}

// acrossAndBack compares a Before with a call that carries the same payload there
// and the same patch back, and does nothing else.
func (o options) acrossAndBack(ctx context.Context, b *border) (result, error) {
	point, ok := b.points["ticket.create.before"].(*hooks.Before[core.TicketDraft])
	if !ok {
		return result{}, errors.New("there is no such point")
	}
	draft := core.TicketDraft{Subject: subject, Body: body, Priority: core.Medium, Type: "question", Tags: []string{}, Channel: core.ViaAPI}
	payload, err := json.Marshal(draft)
	if err != nil {
		return result{}, err
	}
	who, err := json.Marshal(core.ActorFrom(b.agent))
	if err != nil {
		return result{}, err
	}
	bare, err := startBare(ctx)
	if err != nil {
		return result{}, err
	}
	across := func(context.Context, int) ([]int64, error) {
		t := draft.Clone()
		if err := point.Run(b.agent, &t); err != nil {
			return nil, err
		}
		if t.Priority != core.Urgent {
			return nil, errors.New("the plugin took no part")
		}
		return nil, nil
	}
	call := func(ctx context.Context, _ int) ([]int64, error) {
		in := &protocol.Invocation{Id: "0123456789abcdefghijklmnop", Point: "ticket.create.before", Handler: "hurry", Payload: payload, Actor: string(who)}
		out, err := bare.Invoke(ctx, in)
		if err == nil && string(out.GetPatch()) != barePatch {
			err = errors.New("another patch came back")
		}
		return nil, err
	}
	r, err := o.compare(ctx, pair{most: 1.5, desk: across, hand: call})
	return r, errors.Join(err, bare.close())
}

// delivered keeps 64 events under way, as a desk with a backlog does: it is the mean,
// since answers come in bunches.
func (o options) delivered(ctx context.Context, b *border) (result, error) {
	listener, ok := b.points["reply.added"].(hooks.Listener)
	if !ok || len(listener.Consumers()) == 0 {
		return result{}, errors.New("nobody listens")
	}
	consumer := listener.Consumers()[0]
	data, err := json.Marshal(core.ReplyAdded{Reply: core.Reply{ID: 1, Body: body}})
	if err != nil {
		return result{}, err
	}
	const many = 64
	todo, done := make(chan int64, many), make(chan error, many)
	defer close(todo)
	for range many { // kept, as the desk keeps those that hand over events
		go func() {
			for id := range todo {
				done <- consumer.Deliver(ctx, hooks.Envelope{ID: id, Name: "reply.added", Key: fmt.Sprint("ticket:", id), At: time.Now(), Attempt: 1, Data: data})
			}
		}()
	}
	for id := range int64(many) {
		todo <- id + 1
	}
	var began time.Time
	warm, events := int64(warmUp*many), int64(0)
	for ; events < warm+int64(o.rounds*many) && (events <= warm || time.Since(began) < o.time); events++ {
		if events == warm {
			began = time.Now()
		}
		if err := <-done; err != nil {
			return result{}, err
		}
		todo <- events + many + 1
	}
	each := float64(time.Since(began).Nanoseconds()) / float64(events-warm)
	return result{desk: each, most: 15 * microseconds.nanos, unit: microseconds}, nil
}

// ready switches the plugin on, which returns once its process has been described
// and configured.
func (o options) ready(ctx context.Context, b *border) (result, error) {
	admin, err := b.ActorOf(ctx, core.Identity{UserID: "admin", Role: core.Admin})
	if err != nil {
		return result{}, err
	}
	as := core.As(ctx, admin)
	var times []time.Duration
	for range min(20, o.rounds) {
		if _, err := b.Plugins.Switch(as, "hurry", false); err != nil {
			return result{}, err
		}
		began := time.Now()
		if _, err := b.Plugins.Switch(as, "hurry", true); err != nil {
			return result{}, err
		}
		times = append(times, time.Since(began))
		if state := b.plugin.Process().State; state != "ready" {
			return result{}, fmt.Errorf("switched on, it is %s", state)
		}
	}
	return result{desk: median(times), most: 150 * milliseconds.nanos, unit: milliseconds}, nil
}
