package core

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookdesk/hookdesk/hooks"
)

// ticketWord says that a word stands in a ticket. Internal: in notes only.
type ticketWord struct {
	Word     string
	TicketID int64
	Internal bool
}

const (
	maxWord      = 40    // runes of a word that count
	maxWords     = 8     // words of a search
	indexedText  = 8_000 // runes of a message that are searched
	indexedPages = 5     // of replies that a rebuilt ticket is searched in
)

// wordsOf cuts a text into the words that a search compares: lower case,
// letters and digits of any script.
func wordsOf(text string) []string {
	if utf8.RuneCountInString(text) > indexedText {
		text = string([]rune(text)[:indexedText])
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	for i, w := range words {
		if utf8.RuneCountInString(w) > maxWord {
			words[i] = string([]rune(w)[:maxWord])
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// searchIndex feeds the words from the events, after the commit: a write waits
// for no index of words.
type searchIndex struct{ d *Desk }

// Name implements hooks.Consumer.
func (searchIndex) Name() string { return "core.search@*" }

// Plugin implements hooks.Consumer.
func (searchIndex) Plugin() string { return coreID }

// Event implements hooks.Consumer: every event.
func (searchIndex) Event() string { return "" }

// FromStart implements hooks.Consumer.
func (searchIndex) FromStart() bool { return true }

// Deliver implements hooks.Consumer. It reads the ticket as it is now, so it
// may see an event twice.
func (s searchIndex) Deliver(ctx context.Context, e hooks.Envelope) error {
	key, isTicket := strings.CutPrefix(e.Key, "ticket:")
	if !isTicket || !slices.Contains([]string{
		"ticket.created", "ticket.updated", "ticket.merged", "ticket.unmerged", "reply.added", "reply.edited", "reply.deleted",
	}, e.Name) {
		return nil
	}
	if e.Name == "ticket.updated" && !bytes.Contains(e.Data, []byte(`"field":"subject"`)) {
		return nil // no word of it is another
	}
	id, err := parseID(key)
	if err != nil {
		return err
	}
	t, err := byID[Ticket](ctx, s.d.store, "ticket", id)
	if KindOf(err) == NotFound {
		return nil // purged since
	}
	if err != nil {
		return err
	}
	return s.rebuild(ctx, t)
}

// rebuild makes the ticket's words those of its subject and newest replies.
func (s searchIndex) rebuild(ctx context.Context, t Ticket) error {
	words := map[string]bool{} // → internal
	note := func(text string, internal bool) {
		for _, w := range wordsOf(text) {
			known, seen := words[w]
			words[w] = internal && (!seen || known)
		}
	}
	note(t.Subject, false)
	replies, err := find[Reply](ctx, s.d.store, Query{
		Where: []Cond{Is("ticket_id", t.ID), {Column: "deleted_at", Op: IsNull}},
		Order: []Order{{Column: "number", Desc: true}}, Limit: indexedPages * maxLimit,
	})
	if err != nil {
		return err
	}
	for _, r := range replies {
		note(r.Body, r.Kind == ReplyNote)
	}
	err = s.d.store.Tx(ctx, func(ctx context.Context) error { return s.replace(ctx, t.ID, words) })
	if errors.Is(err, ErrForeign) {
		return nil // purged since
	}
	return err
}

// replace writes only what differs: most replies bring few new words.
func (s searchIndex) replace(ctx context.Context, ticket int64, words map[string]bool) error {
	old, err := find[ticketWord](ctx, s.d.store, Query{Where: []Cond{Is("ticket_id", ticket)}})
	if err != nil {
		return err
	}
	for _, o := range old {
		if internal, still := words[o.Word]; still && internal == o.Internal {
			delete(words, o.Word)
			continue
		}
		if _, err := s.d.store.Delete(ctx, &ticketWord{}, Is("word", o.Word), Is("ticket_id", ticket)); err != nil {
			return err
		}
	}
	for w, internal := range words {
		if err := s.d.store.Insert(ctx, &ticketWord{w, ticket, internal}); err != nil {
			return err
		}
	}
	return nil
}

// search walks the postings of the longest word, newest ticket first, and
// keeps the tickets that have the other words too. A reference such as HD-1042
// finds its ticket.
func (w *ticketWalk) search(q TicketQuery, conds []Cond) error {
	w.columns = []string{"id"}
	words := wordsOf(q.Text)
	if number, ok := strings.CutPrefix(strings.ToUpper(strings.TrimSpace(q.Text)), "HD-"); ok {
		if id, err := parseID(number); err == nil {
			w.lanes = []Query{{Where: append(conds, Is("id", id)), Order: w.order(w.columns)}}
			return nil
		}
	}
	if len(words) == 0 || len(words) > maxWords {
		return InvalidField("q", "search for 1 to %d words", maxWords)
	}
	longest := slices.MaxFunc(words, func(a, b string) int { return len(a) - len(b) })
	readable := []Cond{Is("word", longest)}
	if !q.actor.IsAgent() {
		readable = append(readable, Is("internal", false))
	}
	w.lanes = []Query{{
		Where: conds, Order: w.order([]string{"ticket_id"}),
		From: &Side{Row: &ticketWord{}, Key: "ticket_id", Where: readable},
	}}
	if others := slices.DeleteFunc(words, func(w string) bool { return w == longest }); len(others) > 0 {
		w.keep = func(ctx context.Context, rows []Ticket) ([]Ticket, error) { return w.withWords(ctx, q, rows, others) }
	}
	return nil
}

func (w *ticketWalk) withWords(ctx context.Context, q TicketQuery, rows []Ticket, words []string) ([]Ticket, error) {
	ids := make([]int64, len(rows))
	for i, t := range rows {
		ids[i] = t.ID
	}
	where := []Cond{Where("word", In, words), Where("ticket_id", In, ids)}
	if !q.actor.IsAgent() {
		where = append(where, Is("internal", false))
	}
	found, err := find[ticketWord](ctx, w.d.store, Query{Where: where})
	if err != nil {
		return nil, err
	}
	hits := map[int64]int{}
	for _, f := range found {
		hits[f.TicketID]++
	}
	return slices.DeleteFunc(slices.Clone(rows), func(t Ticket) bool { return hits[t.ID] < len(words) }), nil
}
