package main

import "slices"

// heardTypes are the events that the probe listens to.
func heardTypes() []string {
	return []string{"ticket.created", "ticket.updated", "ticket.merged", "reply.added"}
}

// delivered looks for each event among what the handlers have heard, and done.
func (e *evidence) delivered(f faults) error {
	calls, effects, err := e.perEvent()
	if err != nil {
		return err
	}
	for _, ev := range e.events {
		if !slices.Contains(heardTypes(), ev.Type) {
			continue
		}
		if calls[ev.ID] == 0 || effects[ev.ID] == 0 {
			f.add(undelivered, "event %d, %s of ticket %d: %d calls, %d effects", ev.ID, ev.Type, ev.TicketID, calls[ev.ID], effects[ev.ID])
		}
		if effects[ev.ID] > 1 {
			f.add(doubled, "event %d, %s of ticket %d, had %d effects", ev.ID, ev.Type, ev.TicketID, effects[ev.ID])
		}
		if ev.Seq == 0 {
			f.add(undelivered, "event %d has no place in the log", ev.ID)
		}
	}
	return nil
}

func (e *evidence) perEvent() (calls, effects map[int64]int, err error) {
	var heards, done []int64
	if err := scan(e.db, &heards, "SELECT event_id FROM hookdesk_probe_heard"); err != nil {
		return nil, nil, err
	}
	if err := scan(e.db, &done, "SELECT event_id FROM hookdesk_probe_effects"); err != nil {
		return nil, nil, err
	}
	return tallyOf(heards), tallyOf(done), nil
}

func tallyOf(ids []int64) map[int64]int {
	n := map[int64]int{}
	for _, id := range ids {
		n[id]++
	}
	return n
}

// ordered looks whether each handler saw a ticket's events for the first time in
// the order in which they happened.
func (e *evidence) ordered(f faults) error {
	var calls []heard
	if err := scan(e.db, &calls, "SELECT id, handler, event_id, ticket_id FROM hookdesk_probe_heard ORDER BY id"); err != nil {
		return err
	}
	type lane struct {
		handler string
		ticket  int64
	}
	newest, seen := map[lane]int64{}, map[int64]bool{}
	for _, c := range calls {
		at := lane{c.Handler, c.TicketID}
		if !seen[c.EventID] && c.EventID < newest[at] {
			f.add(disorder, "%s of ticket %d: event %d after %d", c.Handler, c.TicketID, c.EventID, newest[at])
		}
		seen[c.EventID] = true
		newest[at] = max(newest[at], c.EventID)
	}
	return nil
}

// once looks at what the job has counted.
func (e *evidence) once(f faults) error {
	var numbers []int64
	if err := scan(e.db, &numbers, "SELECT n FROM hookdesk_probe_count ORDER BY n"); err != nil {
		return err
	}
	for i, n := range numbers {
		if n != int64(i+1) {
			f.add(doubled, "the job counted %d where %d was due", n, i+1)
			break
		}
	}
	if len(numbers) == 0 {
		f.add(undelivered, "the job never ran")
	}
	return nil
}

// inside looks whether what a plugin wrote in the transaction of a reply is there
// with it, once.
func (e *evidence) inside(f faults) error {
	var ids []int64
	if err := scan(e.db, &ids, "SELECT reply_id FROM hookdesk_probe_within"); err != nil {
		return err
	}
	written := tallyOf(ids)
	for _, ev := range e.events {
		if ev.Type == "reply.added" && written[ev.Reply] != 1 {
			f.add(half, "the plugin's row of the reply %d stands %d times", ev.Reply, written[ev.Reply])
		}
		delete(written, ev.Reply)
	}
	for id := range written {
		f.add(half, "the plugin has a row of the reply %d, which has no event", id)
	}
	return nil
}
