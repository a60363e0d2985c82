// Package blocklist refuses tickets in which a forbidden word stands. Replies
// with such a word are let through, for a conversation must not end in an
// error; they are counted, and a note tells the agents.
//
// It is a stranger's plugin: it imports what everybody can import, core and
// hooks, and lives outside of the folder plugins.
package blocklist

import (
	"embed"

	"github.com/hookdesk/hookdesk/core"
)

//go:embed migrations/*.sql
var migrations embed.FS

// id is the plugin's name in routes, tables, settings and what is shown.
const id = "blocklist"

// Config is what the host says. The zero value forbids nothing until an admin
// names a word.
type Config struct {
	Words []string // forbidden until an admin saves others
}

// Settings are what an admin may change while the desk runs.
type Settings struct {
	Words []string `json:"words" max:"200" doc:"whole words, in any case"`
}

// Plugin is the feature. Make one with New for each desk.
type Plugin struct {
	defaults Settings
	host     core.Host
}

// New makes the plugin.
func New(c Config) *Plugin { return &Plugin{defaults: Settings{Words: append([]string{}, c.Words...)}} }

// Manifest implements core.Plugin.
func (p *Plugin) Manifest() core.Manifest {
	return core.Manifest{
		ID: id, Name: "Blocklist", Version: "1.0.0",
		Doc:        "Refuses tickets with forbidden words, and tells agents of replies that have some.",
		Settings:   p.defaults,
		Migrations: migrations,
	}
}

// Register implements core.Plugin: it is the table of contents.
func (p *Plugin) Register(h core.Host) error {
	p.host = h
	on := h.Hooks()
	on.Ticket.Create.Before.Add(h, "refuse", p.refuse)
	on.Reply.Add.After.Add(h, "count", p.count)
	on.Ticket.Show.Add(h, "show-hits", p.show)

	h.Handle("GET /api/blocklist/hits", core.Agents, core.JSON(p.listHits, core.Doc("Replies with forbidden words, the newest first.")))
	return nil
}
