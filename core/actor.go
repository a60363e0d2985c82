package core

import (
	"context"
	"slices"

	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/rest"
)

// Role orders who may be acting; each includes those before it.
type Role = rest.Role

// The roles, least first. The zero value is nobody.
const (
	Nobody    = rest.Nobody
	Guest     = rest.Guest
	Requester = rest.Requester
	Agent     = rest.Agent
	Admin     = rest.Admin
)

// Identity is what the host knows about the caller of a request. The zero
// value is an anonymous visitor, who may do nothing that is not public.
type Identity struct {
	UserID   string // the host's own id, opaque to the desk
	Name     string
	Email    string
	Role     Role     // Nobody with a UserID means Requester
	Rights   []string // for routes that need one, such as "kb:publish"
	Locale   string   // BCP 47, such as "de-CH"
	TimeZone string   // IANA, such as "Europe/Zurich"
}

// Actor is who is acting now.
type Actor struct {
	Person      Person   `json:"person"` // of a human; the zero value otherwise
	Kind        Role     `json:"kind"`
	Plugin      string   `json:"plugin"` // "sla" when a plugin acts by itself, "core" for the desk
	Rights      []string `json:"rights"`
	Departments []int64  `json:"departments"` // an agent's; none means all
	cause       int64    // the event that this actor reacts to
	depth       int
	guestOf     int64 // the one ticket that a guest's token opens
}

// Role implements rest.Caller.
func (a Actor) Role() Role { return a.Kind }

// Holds implements rest.Caller.
func (a Actor) Holds(right string) bool { return slices.Contains(a.Rights, right) }

// IsAgent reports whether the actor works at the desk: an agent, an admin, a
// plugin or the desk itself.
func (a Actor) IsAgent() bool { return a.Kind >= Agent }

// kindName is how events and replies name the kind of actor.
func (a Actor) kindName() string {
	switch {
	case a.Plugin == coreID:
		return "system"
	case a.Plugin != "":
		return "plugin"
	}
	return a.Kind.String()
}

// hooked is the actor as hooks and events carry it.
func (a Actor) hooked() hooks.Actor {
	name, id := a.Person.Name, ""
	if a.Person.UserID != nil {
		id = *a.Person.UserID
	}
	if a.Plugin != "" {
		name, id = a.Plugin, a.Plugin
	}
	return hooks.Actor{Kind: a.kindName(), ID: id, Name: name, PersonID: a.Person.ID}
}

// key tells actors apart, for what belongs to one: uploads, idempotency keys.
func (a Actor) key() string {
	if a.Plugin != "" {
		return "plugin:" + a.Plugin
	}
	return "person:" + itoa(a.Person.ID)
}

type actorKey struct{}

// As returns a context in which a is acting.
func As(ctx context.Context, a Actor) context.Context { return context.WithValue(ctx, actorKey{}, a) }

// ActorFrom returns who is acting in ctx; the zero Actor is nobody.
func ActorFrom(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor) // none is nobody
	return a
}

// asPlugin is the actor for what a plugin does by itself.
func asPlugin(ctx context.Context, plugin string) context.Context {
	return As(ctx, Actor{Kind: Admin, Plugin: plugin})
}

// asConsequence is asPlugin with the event that the plugin reacts to.
func asConsequence(ctx context.Context, plugin string, event int64, depth int) context.Context {
	return As(ctx, Actor{Kind: Admin, Plugin: plugin, cause: event, depth: depth + 1})
}
