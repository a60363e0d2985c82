package kb

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
)

const (
	maxTitle = 200
	maxBody  = 200_000
)

// NewArticle is an article to be written; it begins as a draft.
type NewArticle struct {
	Title      string `json:"title" min:"1" max:"200"`
	Body       string `json:"body" max:"200000" doc:"Markdown"`
	Locale     Locale `json:"locale,omitzero" doc:"the default locale of the settings if missing"`
	Slug       string `json:"slug,omitempty" max:"80" doc:"that of the article that this one translates; made of the title if missing"`
	CategoryID *int64 `json:"category_id,omitempty" min:"1"`
}

// ArticlePatch is a change of an article; what is missing stays.
type ArticlePatch struct {
	Version    int // that was seen
	Title      *string
	Body       *string
	Slug       *string
	CategoryID core.Maybe[int64]
	State      *State
	PublishAt  *core.Time // for StateScheduled
}

// Create writes a new article, a draft. It fails with Invalid, and with the veto of
// a Before handler. Admins only.
func (a *Articles) Create(ctx context.Context, in NewArticle) (Article, error) {
	if err := core.Admins.Allow(core.ActorFrom(ctx)); err != nil {
		return Article{}, err
	}
	s, err := a.settings()
	if err != nil {
		return Article{}, err
	}
	if in.Locale == "" {
		in.Locale = s.DefaultLocale
	}
	next := Article{Locale: in.Locale, Title: in.Title, Body: in.Body, CategoryID: in.CategoryID, State: StateDraft, CreatedAt: a.now(), Files: []File{}}
	if in.Slug != "" && slugOf(in.Slug) != in.Slug {
		return next, core.InvalidField("slug", "a slug has lower-case letters, digits and hyphens, such as %s", slugOf(in.Slug))
	}
	if err := a.prepare(ctx, &next); err != nil {
		return next, err
	}
	err = a.host.Change(ctx, func(ctx context.Context) error {
		if next.Slug = in.Slug; next.Slug == "" {
			if next.Slug, err = a.freeSlug(ctx, next); err != nil {
				return err
			}
		}
		next.Version, next.ID = 1, 0
		if err := a.host.DB(ctx).Create(&next).Error; err != nil {
			return meaning(err, next)
		}
		return a.saved(ctx, next, Article{State: StateDraft})
	})
	return next, err
}

// freeSlug makes a slug of the title that no article of the locale has.
func (a *Articles) freeSlug(ctx context.Context, of Article) (string, error) {
	slug := slugOf(of.Title)
	var taken []string
	err := a.host.DB(ctx).Model(&Article{}).Where("locale = ? AND slug >= ? AND slug < ?", of.Locale, slug, slug+"\U0010FFFF").
		Limit(maxAlike).Pluck("slug", &taken).Error
	if len(taken) == maxAlike {
		return "", core.InvalidField("title", "there are too many articles of this title: give a slug")
	}
	known := map[string]bool{}
	for _, one := range taken {
		known[one] = true
	}
	return numbered(slug, func(s string) bool { return known[s] }), err
}

const maxAlike = 1000 // slugs that begin alike

// Update changes an article; Version is the one that was seen. It fails with
// Conflict when the article was changed since, and with the veto of a Before
// handler. Admins only.
func (a *Articles) Update(ctx context.Context, id int64, p ArticlePatch) (Article, error) {
	if err := core.Admins.Allow(core.ActorFrom(ctx)); err != nil {
		return Article{}, err
	}
	old, err := a.article(ctx, id)
	if err != nil {
		return old, err
	}
	if old.Version != p.Version {
		return old, changedSince(p.Version, old)
	}
	next := old
	if err := a.apply(&next, p); err != nil {
		return old, err
	}
	if err := a.prepare(ctx, &next); err != nil || !changes(next, old) {
		return old, err
	}
	if err := a.askState(ctx, next, old); err != nil {
		return old, err
	}
	err = a.host.Change(ctx, func(ctx context.Context) error { return a.replace(ctx, &next, old) })
	return next, err
}

// changes reports whether anything that is saved differs: else there is no version
// to keep.
func changes(next, old Article) bool {
	return next.Title != old.Title || next.Body != old.Body || next.Slug != old.Slug || next.State != old.State ||
		!reflect.DeepEqual(next.CategoryID, old.CategoryID) || !sameTime(next.PublishAt, old.PublishAt)
}

func sameTime(a, b *core.Time) bool { return a == b || a != nil && b != nil && a.Equal(b.Time) }

// apply changes an article as p says.
func (a *Articles) apply(next *Article, p ArticlePatch) error {
	if p.Title != nil {
		next.Title = *p.Title
	}
	if p.Body != nil {
		next.Body = *p.Body
	}
	if p.Slug != nil {
		next.Slug = *p.Slug
		if slugOf(next.Slug) != next.Slug {
			return core.InvalidField("slug", "a slug has lower-case letters, digits and hyphens, such as %s", slugOf(next.Slug))
		}
	}
	if p.CategoryID.Set {
		next.CategoryID = p.CategoryID.Value
	}
	return a.applyState(next, p)
}

func (a *Articles) applyState(next *Article, p ArticlePatch) error {
	now := a.now()
	if p.State == nil {
		if p.PublishAt != nil {
			return core.InvalidField("publish_at", "goes with the state scheduled")
		}
		return nil
	}
	next.State = *p.State
	switch next.State {
	case StateScheduled:
		if p.PublishAt == nil || !p.PublishAt.After(now.Time) {
			return core.InvalidField("publish_at", "a scheduled article needs a time in the future")
		}
		next.PublishAt = p.PublishAt
		return nil
	case StatePublished:
		if next.PublishAt == nil || next.PublishAt.After(now.Time) {
			next.PublishAt = &now
		}
	case StateDraft:
		next.PublishAt = nil
	}
	if p.PublishAt != nil {
		return core.InvalidField("publish_at", "goes with the state scheduled")
	}
	return nil
}

// prepare lets the hooks have their say, checks what they leave, and renders it.
func (a *Articles) prepare(ctx context.Context, next *Article) error {
	draft := next.draft()
	if err := a.hooks.Update.Before.Run(ctx, &draft); err != nil {
		return err
	}
	next.Title, next.Body = strings.TrimSpace(draft.Title), draft.Body
	err := checkText(next.Title, next.Body)
	if err != nil {
		return err
	}
	next.By, next.UpdatedAt = whoOf(core.ActorFrom(ctx)), a.now()
	next.HTML, next.Plain, err = a.render.of(next.Body)
	return err
}

func checkText(title, body string) error {
	if n := utf8.RuneCountInString(title); n == 0 || n > maxTitle {
		return core.InvalidField("title", "a title has 1 to %d characters", maxTitle)
	}
	if utf8.RuneCountInString(body) > maxBody {
		return core.InvalidField("body", "an article has at most %d characters", maxBody)
	}
	if why := tooDeep(body); why != "" {
		return core.InvalidField("body", "%s", why)
	}
	return nil
}

// askState asks those who may refuse that customers begin or cease to see it.
func (a *Articles) askState(ctx context.Context, next, old Article) error {
	draft := next.draft()
	switch {
	case next.State == old.State:
		return nil
	case next.State == StateDraft:
		return a.hooks.Unpublish.Before.Run(ctx, &draft)
	case old.State == StateDraft:
		return a.hooks.Publish.Before.Run(ctx, &draft)
	}
	return nil
}

// replace writes the next version, unless somebody was faster.
func (a *Articles) replace(ctx context.Context, next *Article, old Article) error {
	next.Version = old.Version + 1
	changed := []string{"category_id", "slug", "title", "body", "html", "plain", "version", "by_id", "by_name", "updated_at"}
	if next.State != old.State || next.PublishAt != old.PublishAt { // else the job may have told of it meanwhile
		changed = append(changed, "state", "publish_at")
	}
	done := a.host.DB(ctx).Model(&Article{}).Where("id = ? AND version = ?", old.ID, old.Version).
		Select(changed).Updates(next)
	if done.Error != nil {
		return meaning(done.Error, *next)
	}
	if done.RowsAffected == 0 {
		current, err := a.article(ctx, old.ID)
		return errors.Join(err, changedSince(old.Version, current))
	}
	return a.saved(ctx, *next, old)
}

// saved writes all that goes with an article, in its transaction.
func (a *Articles) saved(ctx context.Context, next, old Article) error {
	v := Version{ArticleID: next.ID, Number: next.Version, Title: next.Title, Body: next.Body, By: next.By, SavedAt: next.UpdatedAt}
	if err := a.host.DB(ctx).Create(&v).Error; err != nil {
		return fmt.Errorf("keep version %d of article %d: %w", v.Number, next.ID, err)
	}
	if err := a.index(ctx, next); err != nil {
		return err
	}
	data := Saved{Article: next.summary(), By: next.By}
	if err := core.Perform(ctx, a.host, &a.hooks.Update, 0, true, &data); err != nil || next.State == old.State {
		return err
	}
	switch {
	case next.State == StatePublished && !a.shows(old):
		return core.Perform(ctx, a.host, &a.hooks.Publish, 0, true, &data)
	case next.State != StatePublished && a.shows(old):
		return core.Perform(ctx, a.host, &a.hooks.Unpublish, 0, true, &data)
	}
	return nil
}

// shows reports whether customers were told of an article: one whose time has
// come is told of by the job.
func (*Articles) shows(old Article) bool { return old.State == StatePublished }

// remove deletes an article with all that is its own.
func (a *Articles) remove(ctx context.Context, id int64) error {
	old, err := a.article(ctx, id)
	if err != nil {
		return err
	}
	draft := old.draft()
	if err := a.hooks.Unpublish.Before.Run(ctx, &draft); err != nil {
		return err
	}
	return a.host.Change(ctx, func(ctx context.Context) error {
		if err := a.lock(ctx, id); err != nil {
			return err
		}
		if err := a.removeFiles(ctx, id); err != nil {
			return err
		}
		var gone []Article
		err := a.host.DB(ctx).Clauses(clause.Returning{}).Where("id = ?", id).Delete(&gone).Error
		if err != nil || len(gone) == 0 {
			return err
		}
		if err := a.unindex(ctx, id); err != nil || gone[0].State != StatePublished {
			return err
		}
		return core.Perform(ctx, a.host, &a.hooks.Unpublish, 0, true, &Saved{gone[0].summary(), whoOf(core.ActorFrom(ctx))})
	})
}

// meaning tells a person what the database refused.
func meaning(err error, of Article) error {
	switch {
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return core.Errorf(core.Conflict, "the locale %s has an article %s already: give another slug", of.Locale, of.Slug)
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		return core.InvalidField("category_id", "there is no such category")
	}
	return fmt.Errorf("save article %d: %w", of.ID, err)
}

// Meanwhile is what a Conflict tells of an article that was changed: which
// version was seen, and which one there is.
type Meanwhile struct {
	Seen    int       `json:"seen"`
	Current int       `json:"current"`
	By      Who       `json:"by"`
	At      core.Time `json:"at"`
}

func changedSince(seen int, current Article) error {
	return &core.Error{
		Kind:    core.Conflict,
		Message: fmt.Sprintf("the article was changed meanwhile: you saw version %d, it is at version %d", seen, current.Version),
		Changes: Meanwhile{seen, current.Version, current.By, current.UpdatedAt},
	}
}
