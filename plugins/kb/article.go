package kb

import (
	"context"
	"errors"
	"strconv"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// Article is an article as agents and admins see it.
type Article struct {
	ID         int64      `json:"id"`
	CategoryID *int64     `json:"category_id"`
	Locale     Locale     `json:"locale"`
	Slug       string     `json:"slug" doc:"the same in each locale: that makes them translations"`
	Title      string     `json:"title"`
	Body       string     `json:"body" doc:"Markdown"`
	HTML       string     `json:"html" gorm:"column:html" doc:"safe to show"`
	Plain      string     `json:"-"`
	State      State      `json:"state"`
	PublishAt  *core.Time `json:"publish_at" doc:"since when customers see it, or from when on"`
	Version    int        `json:"version"`
	Views      int64      `json:"views"`
	By         Who        `json:"by" gorm:"embedded;embeddedPrefix:by_" doc:"who saved it last"`
	CreatedAt  core.Time  `json:"created_at"`
	UpdatedAt  core.Time  `json:"updated_at"`
	Files      []File     `json:"files" gorm:"-" doc:"of the article, whatever its version"`
}

// ETag is the article's version, for If-Match.
func (a Article) ETag() string { return strconv.Quote(strconv.Itoa(a.Version)) }

// Summary is an article in a list of agents.
type Summary struct {
	ID         int64      `json:"id"`
	CategoryID *int64     `json:"category_id"`
	Locale     Locale     `json:"locale"`
	Slug       string     `json:"slug"`
	Title      string     `json:"title"`
	State      State      `json:"state"`
	PublishAt  *core.Time `json:"publish_at"`
	Version    int        `json:"version"`
	Views      int64      `json:"views"`
	UpdatedAt  core.Time  `json:"updated_at"`
}

func (a Article) summary() Summary {
	return Summary{a.ID, a.CategoryID, a.Locale, a.Slug, a.Title, a.State, a.PublishAt, a.Version, a.Views, a.UpdatedAt}
}

func (a Article) draft() Draft { return Draft{a.ID, a.Locale, a.Title, a.Body} }

// Page is an article as customers see it.
type Page struct {
	ID         int64     `json:"id"`
	CategoryID *int64    `json:"category_id"`
	Locale     Locale    `json:"locale"`
	Slug       string    `json:"slug"`
	Title      string    `json:"title"`
	HTML       string    `json:"html" gorm:"column:html" doc:"safe to show; empty in lists"`
	UpdatedAt  core.Time `json:"updated_at"`
	Files      []File    `json:"files,omitzero" gorm:"-" doc:"left out in lists"`
}

// State is who sees an article, and from when on.
type State string

// The states.
const (
	StateDraft     State = "draft"     // agents see it
	StatePublished State = "published" // customers too
	StateScheduled State = "scheduled" // customers too, once the time has come
)

// Values lists the states.
func (State) Values() []string {
	return []string{string(StateDraft), string(StatePublished), string(StateScheduled)}
}

// Articles is the service of the knowledge base. Other plugins find it with
// core.Lookup, by an interface of their own that asks for the methods they need.
type Articles struct {
	host   core.Host
	hooks  *Hooks
	render *rendering
	views  *views
}

func (a *Articles) now() core.Time { return core.TimeOf(a.host.Now()) }

// Get reads a published article in the locale, where "" is that of the actor; else
// in the language without its region, else in the default locale. It fails with
// NotFound when there is none or the knowledge base is off, and with
// Unauthenticated where the settings ask readers to sign in.
func (a *Articles) Get(ctx context.Context, slug string, locale Locale) (Page, error) {
	s, err := a.reader(ctx)
	if err == nil && !s.Enabled {
		err = core.Errorf(core.NotFound, "the knowledge base is off")
	}
	if err != nil {
		return Page{}, err
	}
	return a.page(ctx, s, slug, locale)
}

func (a *Articles) page(ctx context.Context, s Settings, slug string, locale Locale) (Page, error) {
	shown, args := a.visible("a", locales(ctx, locale, s))
	var page Page
	err := a.host.DB(ctx).Table(a.host.Table("articles")+" a").Where("a.slug = ?", slug).Where(shown, args...).Take(&page).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = core.Errorf(core.NotFound, "there is no such article")
	}
	if err == nil {
		page.Files, err = a.files(ctx, page.ID)
	}
	return page, err
}

// article reads one for those who edit.
func (a *Articles) article(ctx context.Context, id int64) (Article, error) {
	var found Article
	err := a.host.DB(ctx).Take(&found, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = core.Errorf(core.NotFound, "no article %d", id)
	}
	if err == nil {
		found.Files, err = a.files(ctx, id)
	}
	return found, err
}
