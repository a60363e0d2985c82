package rest

import (
	"slices"
	"strconv"
	"strings"
)

// Role orders who may be calling; each includes those before it.
type Role int

// The roles, least first.
const (
	Nobody Role = iota
	Guest
	Requester
	Agent
	Admin
)

var roles = []string{"nobody", "guest", "requester", "agent", "admin"}

// String is the role's word.
func (r Role) String() string {
	if r < Nobody || int(r) >= len(roles) {
		return "role " + strconv.Itoa(int(r))
	}
	return roles[r]
}

// Values lists the words, for OpenAPI.
func (Role) Values() []string { return roles }

// MarshalText writes the word.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the word.
func (r *Role) UnmarshalText(text []byte) error {
	i := slices.Index(roles, string(text))
	if i < 0 {
		return Errorf(Invalid, "must be one of %s", strings.Join(roles, ", "))
	}
	*r = Role(i)
	return nil
}

// Caller is who is calling, as far as a policy needs to know.
type Caller interface {
	Role() Role
	Holds(right string) bool
}

type nobody struct{}

func (nobody) Role() Role        { return Nobody }
func (nobody) Holds(string) bool { return false }

// Policy says who may call a row. The zero value is refused at registration.
type Policy struct {
	name   string
	least  Role
	rights []string
}

// The policies that most rows need. Each includes the roles above it: Guests
// is a guest or better.
var (
	Public     = Policy{name: "public"}
	Guests     = Policy{name: "guests", least: Guest}
	Requesters = Policy{name: "requesters", least: Requester}
	Agents     = Policy{name: "agents", least: Agent}
	Admins     = Policy{name: "admins", least: Admin}
)

// Needing narrows p to callers that hold right as well, such as "kb:publish".
func (p Policy) Needing(right string) Policy {
	p.rights = append(slices.Clone(p.rights), right)
	return p
}

// String is the policy as OpenAPI and the list of routes show it, such as
// "agents needing kb:publish".
func (p Policy) String() string {
	if len(p.rights) == 0 {
		return p.name
	}
	return p.name + " needing " + strings.Join(p.rights, " and ")
}

// ParsePolicy reads what String writes.
func ParsePolicy(text string) (Policy, error) {
	name, rights, some := strings.Cut(text, " needing ")
	for _, p := range []Policy{Public, Guests, Requesters, Agents, Admins} {
		if p.name != name {
			continue
		}
		if some {
			p.rights = strings.Split(rights, " and ")
		}
		return p, nil
	}
	return Policy{}, Errorf(Invalid, "%q is no policy: public, guests, requesters, agents or admins", text)
}

// Allow refuses who is unknown by Unauthenticated, and who is known and not
// allowed by Forbidden. The zero Policy allows nobody.
func (p Policy) Allow(who Caller) error {
	role := who.Role()
	ok := p.name != "" && role >= p.least
	for _, right := range p.rights {
		ok = ok && who.Holds(right)
	}
	switch {
	case ok:
		return nil
	case role <= Nobody:
		return &Error{Kind: Unauthenticated, Message: "sign in first"}
	}
	return &Error{Kind: Forbidden, Message: "your role may not do this"}
}

// open tells whether everybody may call.
func (p Policy) open() bool { return p.least == Nobody && len(p.rights) == 0 }
