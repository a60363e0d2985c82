package blocklist

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// Hit is a reply with a forbidden word: a row of hookdesk_blocklist_hits.
type Hit struct {
	ReplyID  int64     `gorm:"primaryKey" json:"reply_id"`
	TicketID int64     `json:"ticket_id"`
	Word     string    `json:"word"`
	At       core.Time `json:"at"`
}

// find returns the first forbidden word of the text, or "".
func (p *Plugin) find(text string) (string, error) {
	var s Settings
	if err := p.host.Settings(&s); err != nil {
		return "", err
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, word := range words {
		if slices.ContainsFunc(s.Words, func(forbidden string) bool { return strings.EqualFold(forbidden, word) }) {
			return strings.ToLower(word), nil
		}
	}
	return "", nil
}

// refuse runs before a ticket is created. A Veto is a decision, which the
// person reads (422); any other error is a malfunction of the plugin (503).
func (p *Plugin) refuse(_ context.Context, draft *core.TicketDraft) error {
	word, err := p.find(draft.Subject + " " + draft.Body)
	if err != nil || word == "" {
		return err
	}
	return hooks.Veto("forbidden_word", fmt.Sprintf("Please say it without the word %q.", word))
}

// count runs after a reply was committed, at least once: it must bear to see an
// event twice. The hit's row, which can be written only once, decides whether
// the note is still to be written, and both are in one transaction.
func (p *Plugin) count(ctx context.Context, e hooks.Event[core.ReplyAdded]) error {
	r := e.Data.Reply
	if r.Kind != core.ReplyPublic || r.ByAgent {
		return nil
	}
	word, err := p.find(r.Body)
	if err != nil || word == "" {
		return err
	}
	err = p.host.Change(ctx, func(ctx context.Context) error {
		hit := &Hit{ReplyID: r.ID, TicketID: r.TicketID, Word: word, At: core.TimeOf(e.At)}
		made := p.host.DB(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(hit)
		if made.Error != nil || made.RowsAffected == 0 {
			return made.Error
		}
		note := core.ReplyDraft{Internal: true, Channel: core.ViaPlugin, Body: fmt.Sprintf("The last reply has the forbidden word %q in it.", word)}
		_, err := p.host.Desk().Replies.Add(ctx, r.TicketID, note)
		return err
	})
	if kind := core.KindOf(err); kind == core.NotFound || kind == core.Conflict {
		return nil // the ticket is gone, or in the bin: nobody needs the note any more
	}
	return err
}

// shown is what stands in "extras" of a ticket.
type shown struct {
	Hits int    `json:"hits"`
	Last string `json:"last,omitempty"` // for agents
}

// show adds to each ticket of a page what the plugin knows of it: one query,
// however many tickets.
func (p *Plugin) show(ctx context.Context, page *core.TicketsShown) error {
	tickets := make([]int64, len(page.Tickets))
	for i, t := range page.Tickets {
		tickets[i] = t.ID
	}
	var hits []Hit
	if err := p.host.DB(ctx).Where("ticket_id IN ?", tickets).Order("reply_id").Find(&hits).Error; err != nil {
		return err
	}
	known := map[int64]shown{}
	for _, hit := range hits {
		of := known[hit.TicketID]
		of.Hits++
		if page.Actor.IsAgent() {
			of.Last = hit.Word
		}
		known[hit.TicketID] = of
	}
	for _, ticket := range tickets {
		if err := page.Add(ticket, id, known[ticket]); err != nil {
			return err
		}
	}
	return nil
}
