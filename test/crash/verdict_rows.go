package main

import (
	"strings"

	"github.com/hookdesk/hookdesk/core"
)

// whole looks whether each change has all of its rows.
func (e *evidence) whole(f faults) {
	opened, added := map[int64]int{}, map[int64]int{}
	for _, ev := range e.events {
		switch ev.Type {
		case "ticket.created":
			opened[ev.TicketID]++
		case "reply.added":
			added[ev.Reply]++
		}
	}
	n := e.countMessages()
	for _, r := range e.replies {
		if strings.HasPrefix(r.Body, "t-") && !n.opens[r.ID] && added[r.ID] != 1 {
			f.add(half, "the reply %d has %d events", r.ID, added[r.ID])
		}
	}
	for id, t := range e.tickets {
		if opened[id] != 1 {
			f.add(half, "ticket %d has %d events of its creation", id, opened[id])
		}
		if !n.opened[t.Subject] {
			f.add(half, "ticket %d has no opening message", id)
		}
		if t.MergedIntoID == nil && (t.ReplyCount != n.public[id] || t.LastNumber < n.last[id]) {
			f.add(half, "ticket %d counts %d replies of %d, and the last number is %d of %d", id, t.ReplyCount, n.public[id], t.LastNumber, n.last[id])
		}
	}
}

// messages is what tickets should have noted of their messages.
type messages struct {
	public, last map[int64]int   // by ticket
	opens        map[int64]bool  // by message
	opened       map[string]bool // by subject, which is the text of the opening message
}

func (e *evidence) countMessages() messages {
	n := messages{map[int64]int{}, map[int64]int{}, map[int64]bool{}, map[string]bool{}}
	homes := map[string]int64{}
	for id, t := range e.tickets {
		homes[t.Subject] = e.home(id)
	}
	for _, r := range e.replies {
		if r.Kind == int(core.ReplyPublic) && r.Number > 0 {
			n.public[r.TicketID]++
		}
		n.last[r.TicketID] = max(n.last[r.TicketID], r.Number)
		if homes[r.Body] == r.TicketID {
			n.opens[r.ID], n.opened[r.Body] = true, true
		}
	}
	return n
}
