package main

import (
	"net/http"

	"github.com/hookdesk/hookdesk/core"
)

// The headers that say who is calling. Anybody can send them: they are worth
// something only where a proxy in front replaces them.
const (
	userHeader  = "X-User"       // the id; without it, nobody
	nameHeader  = "X-User-Name"  // for people to read, in UTF-8
	emailHeader = "X-User-Email" //
	agentHeader = "X-Agent"      // true: an agent
	adminHeader = "X-Admin"      // true: an admin
)

// caller is whoever the headers say. A header that comes twice is refused: it
// shows a proxy that adds its own behind the caller's.
func caller(r *http.Request) (core.Identity, error) {
	for _, name := range []string{userHeader, nameHeader, emailHeader, agentHeader, adminHeader} {
		if len(r.Header.Values(name)) > 1 {
			return core.Identity{}, core.Errorf(core.Unauthenticated, "the header %s came twice", name)
		}
	}
	id := core.Identity{UserID: r.Header.Get(userHeader), Name: r.Header.Get(nameHeader), Email: r.Header.Get(emailHeader)}
	switch {
	case id.UserID == "":
	case r.Header.Get(adminHeader) == "true":
		id.Role = core.Admin
	case r.Header.Get(agentHeader) == "true":
		id.Role = core.Agent
	default:
		id.Role = core.Requester
	}
	return id, nil
}
