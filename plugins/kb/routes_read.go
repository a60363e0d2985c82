package kb

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
)

type categoryList struct {
	Categories []Category `json:"categories"`
}

func (a *Articles) getCategories(ctx context.Context, _ struct{}) (out categoryList, err error) {
	if _, err = a.reader(ctx); err == nil {
		out.Categories, err = a.categories(ctx)
	}
	return out, err
}

type getPages struct {
	paging
	Locale   Locale `query:"locale" doc:"yours if missing"`
	Category int64  `query:"category" min:"1"`
}

type pageList struct {
	Articles   []Page  `json:"articles"`
	NextCursor *string `json:"next_cursor"`
}

func (a *Articles) getPages(ctx context.Context, in getPages) (out pageList, err error) {
	s, err := a.reader(ctx)
	if err != nil {
		return out, err
	}
	after, err := in.after()
	if err != nil {
		return out, err
	}
	shown, args := a.visible("a", locales(ctx, in.Locale, s))
	q := a.host.DB(ctx).Table(a.host.Table("articles")+" a").Where("a.id > ?", after).Where(shown, args...)
	if in.Category != 0 {
		q = q.Where("a.category_id = ?", in.Category)
	}
	list := []Page{}
	err = q.Select("a.id, a.category_id, a.locale, a.slug, a.title, '' AS html, a.updated_at").Order("a.id").Limit(in.Limit + 1).Find(&list).Error
	out.Articles, out.NextCursor = cut(list, in.Limit, func(p Page) int64 { return p.ID })
	return out, err
}

type getPage struct {
	Slug   string `path:"slug" max:"100"`
	Locale Locale `query:"locale" doc:"yours if missing; where it has none, the default locale's is read"`
}

func (a *Articles) getPage(ctx context.Context, in getPage) (Page, error) {
	s, err := a.reader(ctx)
	if err != nil {
		return Page{}, err
	}
	page, err := a.page(ctx, s, in.Slug, in.Locale)
	if err == nil && !core.ActorFrom(ctx).IsAgent() {
		a.viewed(ctx, page.ID)
	}
	return page, err
}

type getSearch struct {
	Text   string `query:"q" required:"true" min:"1" max:"200"`
	Locale Locale `query:"locale" doc:"yours if missing"`
	Limit  int    `query:"limit" default:"10" min:"1" max:"20"`
}

func (a *Articles) getSearch(ctx context.Context, in getSearch) (Results, error) {
	s, err := a.reader(ctx)
	if err != nil {
		return Results{}, err
	}
	found, err := a.search(ctx, s, Query(in))
	if err == nil && len(found.Articles) == 0 && !core.ActorFrom(ctx).IsAgent() {
		a.noteMiss(ctx, in.Text)
	}
	return found, err
}

type getSuggest struct {
	Text   string `query:"q" required:"true" min:"1" max:"2000"`
	Locale Locale `query:"locale" doc:"yours if missing"`
}

// getSuggest looks for any of the words: what is being typed is a question, not
// a search.
func (a *Articles) getSuggest(ctx context.Context, in getSuggest) (Results, error) {
	s, err := a.reader(ctx)
	out := Results{Articles: []Hit{}}
	if err != nil || !s.Enabled {
		return out, err
	}
	typed := wordsOf(in.Text, relatedText)
	if len(typed) == 0 {
		return out, nil
	}
	words := append(telling(in.Text), typed[len(typed)-1]) // which may be unfinished
	hits, err := a.find(ctx, s, Query{Locale: in.Locale, Limit: relatedHits}, words, how{any: true, prefix: true})
	for _, h := range hits {
		h.Snippet, h.Plain = snippet(h.Plain, words), ""
		out.Articles = append(out.Articles, h)
	}
	if err == nil {
		a.hooks.Search.Run(ctx, &out)
	}
	return out, err
}

type related struct {
	Articles []Hit `json:"articles"`
}

func (a *Articles) getRelated(ctx context.Context, in oneThing) (out related, err error) {
	out.Articles, err = a.Related(ctx, in.ID)
	return out, err
}

type missList struct {
	Searches []Miss `json:"searches"`
}

func (a *Articles) getMisses(ctx context.Context, _ struct{}) (out missList, err error) {
	out.Searches, err = a.misses(ctx)
	return out, err
}

type postFeedback struct {
	ID      int64  `path:"id" min:"1"`
	Helpful bool   `json:"helpful"`
	Reason  string `json:"reason,omitempty" max:"1000"`
	Visitor string `json:"visitor,omitempty" max:"100" doc:"a token of your own making, for who has not signed in"`
}

func (a *Articles) postFeedback(ctx context.Context, in postFeedback) (core.None, error) {
	return core.None{}, a.judge(ctx, Opinion{in.ID, in.Helpful, in.Reason}, in.Visitor)
}

type getFeedback struct {
	oneThing
	paging
}

type given struct {
	ID      int64     `json:"id"`
	Helpful bool      `json:"helpful"`
	Reason  string    `json:"reason"`
	VotedAt core.Time `json:"voted_at"`
}

type feedbackOf struct {
	Helpful    int64   `json:"helpful"`
	NotHelpful int64   `json:"not_helpful"`
	Feedback   []given `json:"feedback" doc:"the latest first"`
	NextCursor *string `json:"next_cursor"`
}

func (a *Articles) getFeedback(ctx context.Context, in getFeedback) (out feedbackOf, err error) {
	before, err := in.after()
	if err == nil {
		_, err = a.article(ctx, in.ID)
	}
	if err != nil {
		return out, err
	}
	if out.Helpful, out.NotHelpful, err = a.totals(ctx, in.ID); err != nil {
		return out, err
	}
	q := a.host.DB(ctx).Model(&vote{}).Where("article_id = ?", in.ID)
	if before != 0 {
		q = q.Where("id < ?", before)
	}
	list := []given{}
	err = q.Order("id DESC").Limit(in.Limit + 1).Find(&list).Error
	out.Feedback, out.NextCursor = cut(list, in.Limit, func(g given) int64 { return g.ID })
	return out, err
}
