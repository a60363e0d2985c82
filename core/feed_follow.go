package core

import (
	"context"
	"errors"
)

// Happening is an event as Follow tells of it: enough for whoever keeps something
// in memory that the event may have changed.
type Happening struct {
	Type     string
	TicketID int64   // 0: of none
	Ticket   *Ticket // as it is by now, after this event or later ones; nil: of none, or purged
}

var errLogSilent = errors.New("the event log cannot be read")

// Follow tells this process of what happens from now on, here and in the other
// processes of the desk, in the order of the log, until ctx ends or the log cannot
// be read: then it fails, and whatever was kept by it must be forgotten. Unlike an
// After hook, which one process of all runs and which is offered an event again,
// every process that follows hears each event once.
//
// The first call of heard has no events: what is read from the database after that
// call is told of whenever it changes. commits says up to which change of this
// process (see Commits) heard knows all. heard must be quick: the next events wait.
func (s Feed) Follow(ctx context.Context, heard func(events []Happening, commits int64)) error {
	log := s.d.events
	for !log.follows() {
		if pause(ctx, gather); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	pos, commits := log.reached()
	heard(nil, commits)
	for {
		signal := log.signal()
		last, now := log.reached()
		if err := s.tell(ctx, pos, last, func(events []Happening) { heard(events, commits) }); err != nil {
			return err
		}
		if now != commits {
			heard(nil, now)
		}
		pos, commits = last, now
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-signal:
		case <-log.clock.After(pollEvery):
		}
		if !log.follows() || !log.failingSince().IsZero() {
			return errLogSilent
		}
	}
}

// Commits counts the changes that this process has made. Who compares it with what
// Follow has told knows whether something of this process is still to be heard.
func (s Feed) Commits() int64 { return s.d.events.commits.Load() }

// tell reads the events from behind pos up to last.
func (s Feed) tell(ctx context.Context, pos, last int64, heard func([]Happening)) error {
	for pos < last {
		events, err := s.d.events.read(ctx, pos, batchSize)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return nil // what lay between was purged
		}
		tickets, err := s.d.ticketsOf(ctx, events)
		if err != nil {
			return err
		}
		happened := make([]Happening, 0, len(events))
		for _, e := range events {
			one := Happening{Type: e.Type}
			if e.TicketID != nil {
				one.TicketID, one.Ticket = *e.TicketID, tickets[*e.TicketID]
			}
			if e.ID != 0 { // else it was purged with its ticket
				happened = append(happened, one)
			}
		}
		heard(happened)
		pos = events[len(events)-1].seq
	}
	return nil
}
