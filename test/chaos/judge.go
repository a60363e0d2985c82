package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// patience is how long events that failed may take to come again.
const patience = 90 * time.Second

// judge waits until all events were taken, and looks for their effects.
func (b *bench) judge(ctx context.Context, t *tally) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		done, err := b.desk.Settled(ctx)
		if err != nil {
			return err
		}
		if done {
			break
		}
		if time.Now().After(deadline) {
			t.fault("not all events were taken within %v", patience)
			break
		}
	}
	effects, err := b.effects(t)
	if err != nil {
		return err
	}
	var events []struct{ ID, TicketID int64 }
	err = b.db.Raw("SELECT id, ticket_id FROM hookdesk_events WHERE type IN ('ticket.created', 'reply.added')").Scan(&events).Error
	for _, e := range events {
		t.events++
		switch n := effects[e.ID]; {
		case n == 0:
			t.fault("event %d of ticket %d had no effect", e.ID, e.TicketID)
		case n > 1:
			t.again++
		}
	}
	return err
}

// effects counts them by event, and looks at their order: an event may come again,
// but never after a later one of its ticket.
func (b *bench) effects(t *tally) (map[int64]int, error) {
	f, err := os.Open(filepath.Join(b.dir, "effects"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	type lane struct {
		handler string
		ticket  int64
	}
	counts, last := map[int64]int{}, map[lane]int64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var l lane
		var event int64
		if _, err := fmt.Sscan(lines.Text(), &l.handler, &l.ticket, &event); err != nil {
			return nil, errors.Join(err, errors.New(lines.Text()))
		}
		if event < last[l] {
			t.fault("ticket %d: event %d came after %d", l.ticket, event, last[l])
		}
		counts[event]++
		last[l] = max(last[l], event)
	}
	return counts, nil
}
