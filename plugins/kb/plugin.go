// Package kb is a knowledge base: articles in categories, which admins write and
// customers read, search and judge.
//
//	core.New(core.Config{DB: db, Plugins: []core.Plugin{kb.New(kb.Config{})}})
package kb

import (
	"cmp"
	"embed"
	"fmt"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config holds the defaults of the plugin's settings, which an admin may change.
// The zero value works.
type Config struct {
	Disabled      bool   // starts switched off for customers
	Access        Access // default EverybodyReads
	DefaultLocale Locale // default "en"
}

// Settings are what an admin may change while the desk runs.
type Settings struct {
	Enabled       bool   `json:"enabled" doc:"customers find the knowledge base; agents do in any case"`
	Access        Access `json:"access" doc:"who reads it: public is everybody, signed_in is who has signed in"`
	DefaultLocale Locale `json:"default_locale" doc:"read where an article is missing in the reader's locale, such as en"`
}

func (s Settings) check() error {
	if err := s.DefaultLocale.check(); err != nil {
		return fmt.Errorf("the Config's DefaultLocale: %w", err)
	}
	if s.Access != EverybodyReads && s.Access != SignedInReads {
		return fmt.Errorf("the Config's Access: there is no %q", s.Access)
	}
	return nil
}

// Plugin is the knowledge base of one desk.
type Plugin struct {
	// Hooks are where others take part.
	Hooks    Hooks
	settings Settings
	views    views
}

// New makes the plugin. What is wrong with c fails the start of the desk.
func New(c Config) *Plugin {
	p := &Plugin{settings: Settings{!c.Disabled, cmp.Or(c.Access, EverybodyReads), cmp.Or(c.DefaultLocale, "en")}}
	p.Hooks.declare()
	return p
}

// Manifest implements core.Plugin.
func (p *Plugin) Manifest() core.Manifest {
	return core.Manifest{
		ID: "kb", Name: "Knowledge base", Version: "1.0.0",
		Doc:        "Articles that answer what customers would ask.",
		Settings:   p.settings,
		Migrations: migrations,
	}
}

// Register implements core.Plugin.
func (p *Plugin) Register(h core.Host) error {
	if err := p.settings.check(); err != nil {
		return err
	}
	a := &Articles{host: h, hooks: &p.Hooks, render: newRenderer(), views: &p.views}
	core.Declare(h, &p.Hooks)
	core.Provide(h, a)

	a.readerRoutes(h)
	a.agentRoutes(h)
	a.adminRoutes(h)

	h.Hooks().Setting.Save.Before.Add(h, "keep-readable", a.keepReadable)
	h.Hooks().Desk.Stopping.Add(h, "write-views", a.onStop)
	h.Every("publish", time.Minute, a.publishDue)
	h.Every("views", time.Minute, a.flushViews)
	h.Every("forget", time.Hour, a.forgetMisses)
	return nil
}

func (a *Articles) readerRoutes(h core.Host) {
	h.Handle("GET /api/kb/categories", core.Public, core.JSON(a.getCategories, core.Doc("The categories, in their order.")))
	h.Handle("GET /api/kb/pages", core.Public, core.JSON(a.getPages, core.Doc("What customers may read, by category.")))
	h.Handle("GET /api/kb/pages/{slug}", core.Public, core.JSON(a.getPage, core.Doc("A published article.")))
	h.Handle("GET /api/kb/articles/{id}/files/{file}", core.Public, core.GiveFile(a.getFile, core.Doc("Download a file of an article that you may read.")))
	h.Handle("GET /api/kb/search", core.Public, core.JSON(a.getSearch, core.Doc("Find published articles.")))
	h.Handle("GET /api/kb/suggest", core.Public, core.JSON(a.getSuggest, core.Doc("Articles for what is being typed.")))
	h.Handle("POST /api/kb/articles/{id}/feedback", core.Public, core.JSON(a.postFeedback, core.Doc("Say whether an article helped; again to change one's mind.")))
}

func (a *Articles) agentRoutes(h core.Host) {
	h.Handle("GET /api/kb/articles", core.Agents, core.JSON(a.getArticles, core.Doc("All articles, drafts too.")))
	h.Handle("GET /api/kb/articles/{id}", core.Agents, core.JSON(a.getArticle, core.Doc("An article with its source.")))
	h.Handle("GET /api/kb/articles/{id}/feedback", core.Agents, core.JSON(a.getFeedback, core.Doc("How many an article helped, and what they said.")))
	h.Handle("GET /api/kb/articles/{id}/versions", core.Agents, core.JSON(a.getVersions, core.Doc("Who saved an article and when, the latest first.")))
	h.Handle("GET /api/kb/articles/{id}/versions/{number}", core.Agents, core.JSON(a.getVersion, core.Doc("An article as it was.")))
	h.Handle("GET /api/tickets/{id}/articles", core.Agents, core.JSON(a.getRelated, core.Doc("Articles that may answer a ticket.")))
}

func (a *Articles) adminRoutes(h core.Host) {
	created := core.StatusCode(201)
	h.Handle("POST /api/kb/categories", core.Admins, core.JSON(a.postCategory, created, core.Doc("Add a category.")))
	h.Handle("PATCH /api/kb/categories/{id}", core.Admins, core.JSON(a.patchCategory, core.Doc("Rename or move a category.")))
	h.Handle("DELETE /api/kb/categories/{id}", core.Admins, core.JSON(a.deleteCategory, core.Doc("Remove a category that is empty.")))
	h.Handle("POST /api/kb/articles", core.Admins, core.JSON(a.postArticle, created, core.Doc("Write an article; it begins as a draft.")))
	h.Handle("PATCH /api/kb/articles/{id}", core.Admins, core.JSON(a.patchArticle, core.Doc("Change an article, publish it or take it back.")))
	h.Handle("POST /api/kb/articles/{id}/files", core.Admins, core.TakeFile(a.postFile, core.Doc("Give an article a file, the part \"file\" of a form.")))
	h.Handle("DELETE /api/kb/articles/{id}/files/{file}", core.Admins, core.JSON(a.deleteFile, core.Doc("Take a file from an article.")))
	h.Handle("DELETE /api/kb/articles/{id}", core.Admins, core.JSON(a.deleteArticle, core.Doc("Remove an article with its versions, files and feedback.")))
	h.Handle("POST /api/kb/articles/{id}/versions/{number}/restore", core.Admins, core.JSON(a.restoreVersion, core.Doc("Save a former version as the newest.")))
	h.Handle("GET /api/kb/searches", core.Admins, core.JSON(a.getMisses, core.Doc("Searches that found nothing, the most frequent first.")))
}
