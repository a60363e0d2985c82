package kb

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hookdesk/hookdesk/core"
)

const (
	relatedHits  = 5
	relatedWords = 16   // of a ticket, the longest
	relatedText  = 2000 // words of a ticket that these come from
)

// Related finds published articles that may answer a ticket: those that share
// the most telling words with its subject and first messages. Agents only.
func (a *Articles) Related(ctx context.Context, ticket int64) ([]Hit, error) {
	found := []Hit{}
	if err := core.Agents.Allow(core.ActorFrom(ctx)); err != nil {
		return found, err
	}
	t, err := a.host.Desk().Tickets.Get(ctx, ticket)
	if err != nil {
		return found, err
	}
	s, err := a.settings()
	if err != nil || !s.Enabled {
		return found, err
	}
	replies, _, err := a.host.Desk().Replies.List(ctx, ticket, core.Page{Limit: 3})
	if err != nil {
		return found, err
	}
	text := []string{t.Subject}
	for _, r := range replies {
		text = append(text, r.Body)
	}
	words := telling(strings.Join(text, "\n"))
	if len(words) == 0 {
		return found, nil
	}
	hits, err := a.find(ctx, s, Query{Locale: s.DefaultLocale, Limit: relatedHits}, words, how{any: true})
	for _, h := range hits {
		h.Snippet, h.Plain = snippet(h.Plain, words), ""
		found = append(found, h)
	}
	return found, err
}

// telling are the longest words: short ones are in every text.
func telling(text string) []string {
	words := wordsOf(text, relatedText)
	slices.Sort(words)
	words = slices.Compact(words)
	words = slices.DeleteFunc(words, func(w string) bool { return len(w) < 3 })
	slices.SortStableFunc(words, func(a, b string) int { return utf8.RuneCountInString(b) - utf8.RuneCountInString(a) })
	return words[:min(len(words), relatedWords)]
}
