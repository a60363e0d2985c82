package kb

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hookdesk/hookdesk/core"
)

// Query asks for published articles.
type Query struct {
	Text   string
	Locale Locale // "": that of the actor
	Limit  int    // 0 is 10, at most 20
}

// Results are what a search found, the best first.
type Results struct {
	Articles  []Hit  `json:"articles"`
	Corrected string `json:"corrected,omitempty" doc:"the words that were searched for instead, when those of the query found nothing"`
}

// Clone is what a handler that fails has not touched.
func (r Results) Clone() Results {
	r.Articles = slices.Clone(r.Articles)
	return r
}

// Hit is an article that was found.
type Hit struct {
	ID         int64     `json:"id"`
	CategoryID *int64    `json:"category_id"`
	Locale     Locale    `json:"locale"`
	Slug       string    `json:"slug"`
	Title      string    `json:"title"`
	Snippet    string    `json:"snippet" doc:"HTML, safe to show: text with mark around what was found" gorm:"-"`
	UpdatedAt  core.Time `json:"updated_at"`
	Plain      string    `json:"-"`
}

const (
	usualHits = 10
	mostHits  = 20
)

// Search finds published articles that have all words of the text; the last may
// be unfinished. It finds nothing while the knowledge base is off, and fails with
// Unauthenticated where the settings ask readers to sign in.
func (a *Articles) Search(ctx context.Context, q Query) (Results, error) {
	s, err := a.reader(ctx)
	if !s.Enabled || err != nil {
		if core.KindOf(err) == core.NotFound {
			err = nil
		}
		return Results{Articles: []Hit{}}, err
	}
	return a.search(ctx, s, q)
}

func (a *Articles) search(ctx context.Context, s Settings, q Query) (Results, error) {
	found := Results{Articles: []Hit{}}
	words := wordsOf(q.Text, maxWords)
	if len(words) == 0 {
		return found, nil
	}
	hits, err := a.find(ctx, s, q, words, how{prefix: true})
	if err == nil && len(hits) == 0 {
		words, hits, err = a.findNear(ctx, s, q, words)
		if len(hits) > 0 {
			found.Corrected = strings.Join(words, " ")
		}
	}
	if err != nil {
		return found, err
	}
	found.Articles = append(found.Articles, hits...)
	for i, h := range found.Articles {
		found.Articles[i].Snippet = snippet(h.Plain, words)
		found.Articles[i].Plain = ""
	}
	a.hooks.Search.Run(ctx, &found)
	return found, nil
}

// findNear looks for titles with words like those of a query that found
// nothing, and searches for these instead.
func (a *Articles) findNear(ctx context.Context, s Settings, q Query, words []string) ([]string, []Hit, error) {
	grams := gramsOf(words)
	if len(grams) == 0 {
		return words, nil, nil
	}
	like, err := a.find(ctx, s, Query{Locale: q.Locale, Limit: mostHits}, grams[:min(len(grams), 4*maxWords)], how{grams: true, any: true})
	if err != nil || len(like) == 0 {
		return words, nil, err
	}
	var known []string
	for _, h := range like {
		known = append(known, wordsOf(h.Title, maxTitle)...)
	}
	meant := correct(words, known)
	if slices.Equal(meant, words) {
		return words, nil, nil
	}
	hits, err := a.find(ctx, s, q, meant, how{prefix: true})
	return meant, hits, err
}

// correct puts the nearest known word in the place of each that is near to one.
// The last may be unfinished, so it is compared with beginnings too.
func correct(words, known []string) []string {
	meant := slices.Clone(words)
	for i, w := range words {
		best := -1
		if i == len(words)-1 {
			known = append(known, beginnings(known, utf8.RuneCountInString(w))...)
		}
		for _, k := range known {
			if d, ok := near(w, k); ok && (best < 0 || d < best) {
				meant[i], best = k, d
			}
		}
	}
	return meant
}

// beginnings are the first letters of longer words.
func beginnings(words []string, letters int) (cut []string) {
	for _, w := range words {
		if all := []rune(w); len(all) > letters {
			cut = append(cut, string(all[:letters]))
		}
	}
	return cut
}

// find asks the database, which sees to it that nobody finds what one may not
// read.
func (a *Articles) find(ctx context.Context, s Settings, q Query, words []string, h how) ([]Hit, error) {
	shown, args := a.visible("a", locales(ctx, q.Locale, s))
	limit := min(q.Limit, mostHits)
	if limit <= 0 {
		limit = usualHits
	}
	postgres := a.postgres(ctx)
	var hits []Hit
	err := a.host.DB(ctx).Raw(a.sql(h, postgres, shown), append(append([]any{h.match(words, postgres)}, args...), limit)...).Scan(&hits).Error
	return hits, err
}

func (a *Articles) sql(h how, postgres bool, shown string) string {
	columns := "SELECT a.id, a.category_id, a.locale, a.slug, a.title, a.plain, a.updated_at FROM "
	articles, words := a.host.Table("articles"), a.host.Table("words")
	if !postgres {
		return columns + words + " JOIN " + articles + " a ON a.id = " + words + ".rowid WHERE " + words + " MATCH ? AND " + shown +
			" ORDER BY bm25(" + words + ", 10, 1, 1), a.id LIMIT ?"
	}
	column := "w.words"
	if h.grams {
		column = "w.grams"
	}
	return columns + words + " w JOIN " + articles + " a ON a.id = w.article_id CROSS JOIN CAST(? AS tsquery) q WHERE " + column + " @@ q AND " + shown +
		" ORDER BY ts_rank(" + column + ", q) DESC, a.id LIMIT ?"
}
