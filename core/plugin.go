package core

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/hooks"
)

// Plugin is a feature that a host puts into Config.Plugins.
type Plugin interface {
	// Manifest is pure data: it may be called before anything runs, and often.
	Manifest() Manifest
	// Register attaches hooks, routes and jobs. It does no I/O and starts no
	// goroutine; OnStart is for that.
	Register(Host) error
}

// Manifest says what a plugin is and needs.
type Manifest struct {
	ID      string // ^[a-z][a-z0-9]{1,30}$: its routes, tables and settings carry it
	Name    string
	Version string // semantic, such as "1.2.0"
	Doc     string
	// Requires names plugins that must be in the list and switched on.
	Requires []Need
	// Settings is a struct whose fields are the settings, with their defaults;
	// its tags are those of typed routes, plus secret:"true". Nil: none.
	Settings any
	// Permissions are what the plugin may do through Host.API: "tickets:read" for
	// GET of /api/tickets and all below it, "tickets:write" for the other methods.
	Permissions []string
	// UI is what the plugin adds to the pages of whatever shows the desk.
	UI []Contribution
	// Migrations are the plugin's own tables: goose SQL with {{.Prefix}}, {{.ID}},
	// {{.Postgres}} and {{.Concurrently}}. Nil: none.
	Migrations fs.FS
}

// Need is another plugin with the least version that will do; "" is any.
type Need struct {
	Plugin  string
	Version string
}

// Host is all that a plugin may ask for.
type Host interface { //nolint:interfacebloat // the one face that a plugin sees; nobody implements another
	hooks.Owner
	// Hooks is the catalogue to attach handlers to.
	Hooks() *Hooks
	// Desk holds the services that core's own API uses.
	Desk() *Desk
	// DB is the plugin's database: a model T of the plugin "snooze" maps to
	// hookdesk_snooze_<T, plural>. It joins the transaction that ctx carries.
	DB(ctx context.Context) *gorm.DB
	// Table is the full name of a table of the plugin, for SQL by hand.
	Table(name string) string
	// Settings fills into, a pointer to the manifest's settings struct, with the
	// values of now.
	Settings(into any) error
	// Log carries the plugin's name.
	Log() *slog.Logger
	// Now is the desk's clock.
	Now() time.Time
	// Handle adds a route such as "PUT /api/tickets/{id}/snooze". Wrong ones fail
	// the start of the desk.
	Handle(pattern string, p Policy, h http.Handler)
	// Query adds a query parameter to a list of core's, such as "snoozed" to
	// "GET /api/tickets". example is of the parameter's Go type.
	Query(pattern, name string, example any, doc string)
	// Sort adds a sort to "GET /api/tickets", for agents.
	Sort(name string, by TicketSort)
	// Expand is Query for a parameter that stands for others: fn is given its value
	// and says which, as the caller whom ctx carries may know them. What the request
	// says itself wins, name by name.
	Expand(pattern, name string, example any, doc string, fn func(ctx context.Context, value string) (url.Values, error))
	// Use wraps every request to the desk while the plugin is on.
	Use(func(http.Handler) http.Handler)
	// Every runs fn again and again, one run at a time. The job's actor is the plugin.
	Every(name string, d time.Duration, fn func(context.Context) error)
	// Cron is Every by a crontab line of five fields, in UTC unless it starts with
	// "TZ=Europe/Zurich ".
	Cron(name, spec string, fn func(context.Context) error)
	// KV is the plugin's small storage, for what needs no table.
	KV() KV
	// API serves the desk's own routes to the plugin, which acts by itself, without
	// the network and without the host's prefix: GET /api/tickets/7. It answers 403
	// to what the manifest's Permissions do not name.
	API() http.Handler
	// OnStart runs when the desk does, after every Register, in the order of plugins,
	// and again when the plugin is switched on while the desk runs. What it starts
	// ends with ctx, and by OnDisable when the plugin is switched off.
	OnStart(func(context.Context) error)
	// As is a context in which the plugin acts by itself.
	As(ctx context.Context) context.Context
	// Change runs fn in a transaction of the desk and, with it, everything that fn
	// does through DB(ctx), Desk() and Record.
	Change(ctx context.Context, fn func(context.Context) error) error
	// Once is Change for an After handler, which may be given an event again: what
	// fn writes through DB(ctx) and Desk() is written once for the event and name,
	// whatever dies in between.
	Once(ctx context.Context, event int64, name string, fn func(context.Context) error) error
}

// Perform carries out one of a plugin's own actions: it writes the event with
// the data, and runs the Within handlers, in the transaction that ctx carries.
// ticket is 0 when the event belongs to none; agents is true when requesters
// must not read of it.
func Perform[D, E any](ctx context.Context, h Host, a *hooks.Action[D, E], ticket int64, agents bool, data *E) error {
	return record(ctx, h.Desk(), a, ticket, audienceOf(agents), data)
}

// Announce is Perform for what nobody can refuse or join: it writes the event of
// a point that is only an After, in the transaction that ctx carries.
func Announce[E any](ctx context.Context, h Host, point *hooks.After[E], ticket int64, agents bool, data *E) error {
	return h.Desk().writeEvent(ctx, point.Point().Name, ticket, audienceOf(agents), data)
}

func audienceOf(agents bool) Audience {
	if agents {
		return AgentsOnly
	}
	return Everybody
}

// Inline makes a plugin of one function, for the hooks and routes of the host
// itself: core.Inline("acme", func(h core.Host) error { … }).
func Inline(id string, register func(Host) error) Plugin { return inline{id, register} }

type inline struct {
	id       string
	register func(Host) error
}

func (p inline) Manifest() Manifest {
	return Manifest{ID: p.id, Name: p.id, Version: "1.0.0", Doc: "The host's own."}
}

func (p inline) Register(h Host) error { return p.register(h) }
