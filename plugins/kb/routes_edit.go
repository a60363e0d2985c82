package kb

import (
	"context"
	"strconv"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

type oneThing struct {
	ID int64 `path:"id" min:"1"`
}

func (a *Articles) postCategory(ctx context.Context, in CategoryPatch) (Category, error) {
	return a.createCategory(ctx, in)
}

type patchCategory struct {
	oneThing
	CategoryPatch
}

func (a *Articles) patchCategory(ctx context.Context, in patchCategory) (Category, error) {
	return a.updateCategory(ctx, in.ID, in.CategoryPatch)
}

func (a *Articles) deleteCategory(ctx context.Context, in oneThing) (core.None, error) {
	return core.None{}, a.removeCategory(ctx, in.ID)
}

func (a *Articles) postArticle(ctx context.Context, in NewArticle) (Article, error) {
	return a.Create(ctx, in)
}

type patchArticle struct {
	ID         int64             `path:"id" min:"1"`
	IfMatch    string            `header:"If-Match" doc:"the ETag that was seen; 409 when the article changed since"`
	Version    *int              `json:"version,omitempty" min:"1" doc:"as If-Match; one of them must be given"`
	Title      *string           `json:"title,omitempty" min:"1" max:"200"`
	Body       *string           `json:"body,omitempty" max:"200000"`
	Slug       *string           `json:"slug,omitempty" min:"1" max:"80"`
	CategoryID core.Maybe[int64] `json:"category_id,omitzero"`
	State      *State            `json:"state,omitempty"`
	PublishAt  *time.Time        `json:"publish_at,omitempty" doc:"with the state scheduled: a time in the future"`
}

func (a *Articles) patchArticle(ctx context.Context, in patchArticle) (Article, error) {
	seen, err := core.RequireVersion(in.IfMatch, in.Version)
	if err != nil {
		return Article{}, err
	}
	p := ArticlePatch{Version: seen, Title: in.Title, Body: in.Body, Slug: in.Slug, CategoryID: in.CategoryID, State: in.State}
	if in.PublishAt != nil {
		at := core.TimeOf(*in.PublishAt)
		p.PublishAt = &at
	}
	return a.Update(ctx, in.ID, p)
}

func (a *Articles) deleteArticle(ctx context.Context, in oneThing) (core.None, error) {
	return core.None{}, a.remove(ctx, in.ID)
}

func (a *Articles) getArticle(ctx context.Context, in oneThing) (Article, error) {
	return a.article(ctx, in.ID)
}

type paging struct {
	Limit  int    `query:"limit" default:"25" min:"1" max:"100"`
	Cursor string `query:"cursor" max:"20" doc:"next_cursor of the page before"`
}

// after is the last id of the page before; 0 for the first page.
func (p paging) after() (int64, error) {
	if p.Cursor == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(p.Cursor, 10, 64)
	if err != nil || id < 1 {
		return 0, core.InvalidField("cursor", "not a cursor of this list")
	}
	return id, nil
}

// cut ends a list that was read one longer than the page, and says where the
// next page begins.
func cut[T any](list []T, limit int, id func(T) int64) ([]T, *string) {
	if len(list) <= limit {
		return list, nil
	}
	next := strconv.FormatInt(id(list[limit-1]), 10)
	return list[:limit], &next
}

type getArticles struct {
	paging
	Locale   Locale `query:"locale"`
	Category int64  `query:"category" min:"1"`
	State    State  `query:"state"`
}

type articleList struct {
	Articles   []Summary `json:"articles"`
	NextCursor *string   `json:"next_cursor"`
}

func (a *Articles) getArticles(ctx context.Context, in getArticles) (out articleList, err error) {
	after, err := in.after()
	if err != nil {
		return out, err
	}
	q := a.host.DB(ctx).Model(&Article{}).Where("id > ?", after)
	if in.Locale != "" {
		q = q.Where("locale = ?", in.Locale)
	}
	if in.Category != 0 {
		q = q.Where("category_id = ?", in.Category)
	}
	if in.State != "" {
		q = q.Where("state = ?", in.State)
	}
	list := []Summary{}
	err = q.Order("id").Limit(in.Limit + 1).Find(&list).Error
	out.Articles, out.NextCursor = cut(list, in.Limit, func(s Summary) int64 { return s.ID })
	return out, err
}

type getVersions struct {
	oneThing
	paging
}

type versionList struct {
	Versions   []Version `json:"versions"`
	NextCursor *string   `json:"next_cursor"`
}

func (a *Articles) getVersions(ctx context.Context, in getVersions) (out versionList, err error) {
	before, err := in.after()
	if err != nil {
		return out, err
	}
	list, err := a.versions(ctx, in.ID, before, in.Limit+1)
	out.Versions, out.NextCursor = cut(list, in.Limit, func(v Version) int64 { return int64(v.Number) })
	return out, err
}

type oneVersion struct {
	ID     int64 `path:"id" min:"1"`
	Number int   `path:"number" min:"1"`
}

func (a *Articles) getVersion(ctx context.Context, in oneVersion) (Version, error) {
	return a.version(ctx, in.ID, in.Number)
}

type restoreVersion struct {
	oneVersion
	IfMatch string `header:"If-Match" doc:"the ETag that was seen"`
	Version *int   `json:"version,omitempty" min:"1" doc:"as If-Match; one of them must be given"`
}

func (a *Articles) restoreVersion(ctx context.Context, in restoreVersion) (Article, error) {
	seen, err := core.RequireVersion(in.IfMatch, in.Version)
	if err != nil {
		return Article{}, err
	}
	return a.restore(ctx, in.ID, in.Number, seen)
}
