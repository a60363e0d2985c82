package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/bench/fill"
	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/kb"
)

// perArticle is how many tickets there are for each article: 20,000 articles for
// the usual 100,000 tickets.
const perArticle = 5

// articleCases measure a search in a knowledge base of articles of some 200
// words, by a second desk on the same database.
func (d *desk) articleCases(ctx context.Context, db *gorm.DB, tickets int) ([]pair, error) {
	var host core.Host
	with, err := core.New(core.Config{DB: db, Logger: slog.New(slog.DiscardHandler), Plugins: []core.Plugin{
		kb.New(kb.Config{}), core.Inline("bench", func(h core.Host) error { host = h; return nil }),
	}})
	if err != nil {
		return nil, err
	}
	d.undo = append(d.undo, with.Close)
	base, _ := core.Lookup[*kb.Articles](host)
	n := max(20, tickets/perArticle)
	if err := write(ctx, with, host, base, n); err != nil {
		return nil, err
	}
	asker := core.As(ctx, d.asker)
	search := func(_ context.Context, round int) ([]int64, error) {
		found, err := base.Search(asker, kb.Query{Text: fill.Word(round%900) + " " + fill.Word(round%70)})
		var ids []int64
		for _, a := range found.Articles {
			ids = append(ids, a.ID)
		}
		return ids, err
	}
	byHand := func(_ context.Context, round int) (ids []int64, err error) {
		return ids, db.WithContext(ctx).Raw(searchByHand[d.name], fill.Word(round%900), fill.Word(round%70)).Scan(&ids).Error
	}
	return []pair{{fmt.Sprintf("search %d articles", n), 3, search, byHand}}, nil
}

// searchByHand finds the ids alone.
var searchByHand = map[string]string{
	"sqlite": "SELECT a.id FROM hookdesk_kb_words w JOIN hookdesk_kb_articles a ON a.id = w.rowid " +
		"WHERE hookdesk_kb_words MATCH '{title body} : ' || ? || ' AND {title body} : ' || ? || '*' AND a.state <> 'draft' " +
		"ORDER BY bm25(hookdesk_kb_words, 10, 1, 1) LIMIT 10",
	"postgres": "SELECT a.id FROM hookdesk_kb_words w JOIN hookdesk_kb_articles a ON a.id = w.article_id, to_tsquery('simple', ? || ' & ' || ? || ':*') q " +
		"WHERE w.words @@ q AND a.state <> 'draft' ORDER BY ts_rank(w.words, q) DESC LIMIT 10",
}

// write publishes n articles, in one transaction.
func write(ctx context.Context, on *core.Desk, host core.Host, base *kb.Articles, n int) error {
	admin, err := on.ActorOf(ctx, core.Identity{UserID: "writer", Role: core.Admin})
	if err != nil {
		return err
	}
	published := kb.StatePublished
	return host.Change(core.As(ctx, admin), func(ctx context.Context) error {
		for i := range n {
			var text strings.Builder
			for w := range 200 {
				text.WriteString(fill.Word((i*31+w*w*7)%3000) + " ")
			}
			a, err := base.Create(ctx, kb.NewArticle{Title: fill.Word(i%3000) + " " + fill.Word(i%70), Body: text.String(), Slug: fmt.Sprintf("article-%d", i)})
			if err != nil {
				return err
			}
			if _, err := base.Update(ctx, a.ID, kb.ArticlePatch{Version: a.Version, State: &published}); err != nil {
				return err
			}
		}
		return nil
	})
}
