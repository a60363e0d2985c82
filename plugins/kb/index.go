package kb

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
)

// index makes an article be found by its words, in the transaction that writes
// it. Drafts are in there too: who finds them is for the query to say.
func (a *Articles) index(ctx context.Context, of Article) error {
	title, body := wordsOf(of.Title, maxIndexed), wordsOf(of.Plain, maxIndexed)
	if a.postgres(ctx) {
		err := a.exec(ctx, "INSERT INTO "+a.host.Table("words")+" (article_id, words, grams) VALUES (?, ?::tsvector, ?::tsvector)"+
			" ON CONFLICT (article_id) DO UPDATE SET words = excluded.words, grams = excluded.grams",
			of.ID, vector(title, "A")+vector(body, "D"), vector(gramsOf(title), "D")).Error
		return indexed(of.ID, err)
	}
	if err := a.unindex(ctx, of.ID); err != nil {
		return err
	}
	err := a.exec(ctx, "INSERT INTO "+a.host.Table("words")+" (rowid, title, body, grams) VALUES (?, ?, ?, ?)",
		of.ID, strings.Join(title, " "), strings.Join(body, " "), strings.Join(gramsOf(title), " ")).Error
	return indexed(of.ID, err)
}

// unindex forgets an article's words; on PostgreSQL they go with its row.
func (a *Articles) unindex(ctx context.Context, id int64) error {
	if a.postgres(ctx) {
		return nil
	}
	return indexed(id, a.exec(ctx, "DELETE FROM "+a.host.Table("words")+" WHERE rowid = ?", id).Error)
}

func (a *Articles) postgres(ctx context.Context) bool { return a.host.DB(ctx).Name() == "postgres" }

// exec is for SQL that is all literal but for the names of the plugin's tables.
func (a *Articles) exec(ctx context.Context, text string, args ...any) *gorm.DB {
	return a.host.DB(ctx).Exec(text, args...) //nolint:unqueryvet // all callers are in this package, and give literals and names of tables
}

func indexed(id int64, err error) error {
	if err != nil {
		return fmt.Errorf("index article %d: %w", id, err)
	}
	return nil
}

const lastPosition = 16383 // of PostgreSQL

// vector is PostgreSQL's form of words with their places. They are cut already:
// its own parser would cut them otherwise than SQLite's.
func vector(words []string, weight string) string {
	var b strings.Builder
	for i, w := range words {
		b.WriteString("'" + w + "':" + strconv.Itoa(min(i+1, lastPosition)) + weight + " ")
	}
	return b.String()
}

// how says which articles match words.
type how struct {
	grams  bool // by the thirds of a title's words
	any    bool // one word is enough
	prefix bool // the last word may be the beginning of one
}

// match is the query for words in the database's language, of words that have
// nothing of it in them.
func (h how) match(words []string, postgres bool) string {
	quote, and, or, begin, open, end := `"`, " AND ", " OR ", " *", "{title body} : (", ")"
	if h.grams {
		open = "{grams} : ("
	}
	if postgres {
		quote, and, or, begin, open, end = "'", " & ", " | ", ":*", "", ""
	}
	terms := make([]string, len(words))
	for i, w := range words {
		terms[i] = quote + w + quote
	}
	if h.prefix {
		terms[len(terms)-1] += begin
	}
	if h.any {
		terms = slices.Compact(slices.Sorted(slices.Values(terms)))
		return open + strings.Join(terms, or) + end
	}
	return open + strings.Join(terms, and) + end
}
