package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
)

// writer is one client among several: it changes tickets of its own, one after
// the other, sends each change until it is acknowledged, and writes that down.
type writer struct {
	fleet   *fleet
	ledger  *ledger
	name    string
	rand    *rand.Rand
	made    int
	tickets []int64
	refused []string // requests that a sound desk would not have refused
}

// run works until ctx ends; what was begun by then is still brought to its end.
func (w *writer) run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := w.step(context.WithoutCancel(ctx))
		if errors.Is(err, errRefused) {
			w.refused = append(w.refused, err.Error())
		} else if err != nil {
			return fmt.Errorf("writer %s: %w", w.name, err)
		}
	}
	return nil
}

// maxTickets is how many tickets a writer changes in turn.
const maxTickets = 20

func (w *writer) step(ctx context.Context) error {
	if len(w.tickets) < 2 {
		return w.open(ctx)
	}
	at := w.rand.IntN(len(w.tickets))
	ticket := w.tickets[at]
	switch n := w.rand.IntN(100); {
	case n < 20 && len(w.tickets) < maxTickets:
		return w.open(ctx)
	case n < 60:
		return w.say(ctx, entry{Op: "reply", Ticket: ticket}, w.customer())
	case n < 72:
		return w.say(ctx, entry{Op: "note", Ticket: ticket}, w.agent())
	case n < 90:
		return w.prioritise(ctx, ticket)
	case n < 95:
		return w.attach(ctx, ticket)
	}
	into := w.tickets[(at+1)%len(w.tickets)]
	w.tickets = append(w.tickets[:at], w.tickets[at+1:]...)
	return w.merge(ctx, into, ticket)
}

func (w *writer) customer() who { return who{user: "customer-" + w.name} }
func (w *writer) agent() who    { return who{user: "agent-" + w.name, role: agentHeader} }

// token is a text that stands nowhere else.
func (w *writer) token() string {
	w.made++
	return fmt.Sprintf("t-%s-%d", w.name, w.made)
}

// post sends a change under an idempotency key of its own.
func (w *writer) post(ctx context.Context, as who, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.made++
	return w.fleet.send(ctx, request{who: as, method: "POST", path: path, key: fmt.Sprintf("key-%s-%d", w.name, w.made), body: string(text)}, into)
}

type created struct {
	ID int64 `json:"id"`
}

func (w *writer) open(ctx context.Context) error {
	var made created
	e := entry{Op: "ticket", Token: w.token()}
	if err := w.post(ctx, w.customer(), "/api/tickets", map[string]any{"subject": e.Token, "body": e.Token, "priority": "low"}, &made); err != nil {
		return err
	}
	e.Ticket = made.ID
	w.tickets = append(w.tickets, made.ID)
	return w.ledger.add(e)
}

func (w *writer) say(ctx context.Context, e entry, as who) error {
	e.Token = w.token()
	body := map[string]any{"body": e.Token}
	if e.Op == "note" {
		body["internal"] = true
	}
	if e.FileID != 0 {
		body["attachments"] = []int64{e.FileID}
	}
	if err := w.post(ctx, as, fmt.Sprintf("/api/tickets/%d/replies", e.Ticket), body, nil); err != nil {
		return err
	}
	return w.ledger.add(e)
}

func (w *writer) prioritise(ctx context.Context, ticket int64) error {
	e := entry{Op: "priority", Ticket: ticket, Priority: []string{"low", "medium", "high", "urgent"}[w.rand.IntN(4)]}
	q := request{who: w.agent(), method: "PATCH", path: fmt.Sprintf("/api/tickets/%d", ticket), body: fmt.Sprintf(`{"priority": %q}`, e.Priority)}
	if err := w.fleet.send(ctx, q, nil); err != nil { // twice is as good as once
		return err
	}
	return w.ledger.add(e)
}

func (w *writer) attach(ctx context.Context, ticket int64) error {
	e := entry{Op: "reply", Ticket: ticket, File: "the content " + w.token()}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	part, err := parts.CreateFormFile("file", "a.txt")
	if err != nil {
		return err
	}
	if _, err := part.Write([]byte(e.File)); err != nil {
		return err
	}
	if err := parts.Close(); err != nil {
		return err
	}
	var file created
	q := request{who: w.customer(), method: "POST", path: "/api/attachments", contentType: parts.FormDataContentType(), body: form.String()}
	if err := w.fleet.send(ctx, q, &file); err != nil { // one too many is never used, and goes after a day
		return err
	}
	e.FileID = file.ID
	return w.say(ctx, e, w.customer())
}

func (w *writer) merge(ctx context.Context, into, source int64) error {
	if err := w.post(ctx, w.agent(), fmt.Sprintf("/api/tickets/%d/merge", into), map[string]any{"sources": []int64{source}}, nil); err != nil {
		return err
	}
	return w.ledger.add(entry{Op: "merge", Ticket: into, Source: source})
}
