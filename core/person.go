package core

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Person is whoever takes part: a user of the host, or a guest. Lists show
// names from here, so they never call the host.
type Person struct {
	ID        int64   `json:"id"`
	UserID    *string `json:"user_id" doc:"the host's id; null for guests"`
	Email     string  `json:"email" doc:"in lower case"`
	Name      string  `json:"name"`
	Role      Role    `json:"role"`
	Locale    string  `json:"locale"`
	TimeZone  string  `json:"time_zone"`
	CreatedAt Time    `json:"created_at"`
	UpdatedAt Time    `json:"updated_at"`
}

// Location is the person's time zone; UTC when it is not known.
func (p Person) Location() *time.Location {
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// PersonUpserted is the event of a new or changed person.
type PersonUpserted struct {
	Person Person `json:"person"`
}

// People is the service of people.
type People struct{ d *Desk }

// personCache remembers who has called, so that a request costs no query for
// its caller. It holds for a minute: departments may change on another replica.
type personCache struct {
	mu   sync.Mutex
	seen map[string]cachedActor
}

type cachedActor struct {
	identity Identity
	actor    Actor
	until    time.Time
}

const (
	maxUserID = 255
	cacheSize = 10_000
	cacheTime = time.Minute
)

func (c *personCache) get(id Identity, now time.Time) (Actor, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.seen[id.UserID]
	if !ok || now.After(known.until) || !sameIdentity(known.identity, id) {
		return Actor{}, false
	}
	return known.actor, true
}

func sameIdentity(a, b Identity) bool {
	return a.UserID == b.UserID && a.Name == b.Name && a.Email == b.Email && a.Role == b.Role &&
		a.Locale == b.Locale && a.TimeZone == b.TimeZone && slices.Equal(a.Rights, b.Rights)
}

func (c *personCache) put(id Identity, a Actor, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil || len(c.seen) >= cacheSize {
		c.seen = map[string]cachedActor{}
	}
	c.seen[id.UserID] = cachedActor{id, a, now.Add(cacheTime)}
}

func (c *personCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.seen)
}

// Identify tells who makes a request, as the Config says. An Identify of the
// host that panics has its say in the log; the caller is refused.
func (d *Desk) Identify(r *http.Request) (a Actor, err error) {
	defer func() {
		if p := recover(); p != nil {
			d.log.ErrorContext(r.Context(), "the host's Identify panicked", "panic", p)
			a, err = Actor{}, Errorf(Unauthenticated, "it could not be told who you are")
		}
	}()
	if token := r.Header.Get(GuestHeader); token != "" {
		return d.Guests.identify(r.Context(), token)
	}
	id, err := d.identity(r)
	if err != nil {
		return Actor{}, err
	}
	return d.ActorOf(r.Context(), id)
}

func (d *Desk) identity(r *http.Request) (Identity, error) {
	c := d.config
	if c.Identify != nil {
		return c.Identify(r)
	}
	id := Identity{}
	if c.UserID != nil {
		id.UserID = c.UserID(r)
	}
	switch {
	case id.UserID == "":
	case c.IsAdmin != nil && c.IsAdmin(r):
		id.Role = Admin
	case c.IsAgent != nil && c.IsAgent(r):
		id.Role = Agent
	}
	return id, nil
}

// ActorOf is the actor for an identity that the host vouches for. It stores
// the person when seen for the first time or changed.
func (d *Desk) ActorOf(ctx context.Context, id Identity) (Actor, error) {
	if id.UserID == "" {
		return Actor{}, nil
	}
	if checkText("", id.UserID) != nil || len(id.UserID) > maxUserID {
		return Actor{}, Errorf(Unauthenticated, "the user id is not one")
	}
	if id.Role == Nobody || id.Role > Admin {
		id.Role = Requester
	}
	id.Email = foldEmail(id.Email)
	if a, ok := d.people.get(id, d.Now()); ok {
		return a, nil
	}
	p, err := d.People.upsert(ctx, id)
	if err != nil {
		return Actor{}, notLookedUp(ctx, fmt.Errorf("person %q: %w", id.UserID, err))
	}
	a := Actor{Person: p, Kind: id.Role, Rights: id.Rights}
	if id.Role == Agent {
		rows, err := find[DepartmentAgent](ctx, d.store, Query{Where: []Cond{Is("person_id", p.ID)}, Order: []Order{{Column: "department_id"}}})
		if err != nil {
			return Actor{}, notLookedUp(ctx, err)
		}
		for _, r := range rows {
			a.Departments = append(a.Departments, r.DepartmentID)
		}
	}
	d.people.put(id, a, d.Now())
	return a, nil
}

// notLookedUp is a failure of the desk's own, whatever it is: the host knows who
// is calling, so nobody is to be told to sign in.
func notLookedUp(ctx context.Context, err error) error {
	var known *Error
	if errors.As(err, &known) || ctx.Err() != nil {
		return err
	}
	return &explained{&Error{Kind: Unavailable, Code: "database", Message: "who you are cannot be looked up now: try again", RetryAfter: time.Second}, err}
}

func foldEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// upsert stores what the host says of a person. Empty fields say nothing.
func (s People) upsert(ctx context.Context, id Identity) (Person, error) {
	p, found, err := first[Person](ctx, s.d.store, Query{Where: []Cond{Is("user_id", id.UserID)}})
	if err != nil {
		return p, err
	}
	old, now := p, s.d.now()
	if !found {
		p = Person{UserID: &id.UserID, Name: id.UserID, CreatedAt: now}
	}
	p.Role = id.Role
	setText(&p.Name, id.Name)
	setText(&p.Email, id.Email)
	setText(&p.Locale, id.Locale)
	setText(&p.TimeZone, id.TimeZone)
	if found && p == old {
		return p, nil
	}
	p.UpdatedAt = now
	return s.save(ctx, p)
}

func setText(field *string, text string) {
	if text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", ""); text != "" {
		*field = text
	}
}

// save writes a person after the hooks had their say.
func (s People) save(ctx context.Context, p Person) (Person, error) {
	d, id, user, role := s.d, p.ID, p.UserID, p.Role
	ctx = asPlugin(ctx, coreID)
	if err := d.hooks.Person.Upsert.Before.Run(ctx, &p); err != nil {
		return p, translate(err)
	}
	p.ID, p.UserID, p.Role, p.Email = id, user, role, foldEmail(p.Email) // who somebody is, is the host's to say
	err := d.change(ctx, func(ctx context.Context) error {
		if err := s.write(ctx, &p); err != nil {
			return err
		}
		return record(ctx, d, &d.hooks.Person.Upsert, 0, AdminsOnly, &PersonUpserted{p})
	})
	if errors.Is(err, ErrDuplicate) && user != nil { // another request was quicker
		known, found, err := first[Person](ctx, d.store, Query{Where: []Cond{Is("user_id", *user)}})
		if err == nil && !found {
			err = notFound("person", id)
		}
		return known, err
	}
	return p, err
}

func (s People) write(ctx context.Context, p *Person) error {
	if p.ID == 0 {
		return s.d.store.Insert(ctx, p)
	}
	rows, err := update[Person](ctx, s.d.store, []Assign{
		Set("name", p.Name), Set("email", p.Email), Set("role", p.Role), Set("locale", p.Locale),
		Set("time_zone", p.TimeZone), Set("updated_at", p.UpdatedAt),
	}, Is("id", p.ID))
	if err == nil && len(rows) == 1 {
		*p = rows[0]
	}
	return err
}

// Get finds a person. Agents only.
func (s People) Get(ctx context.Context, id int64) (Person, error) {
	if err := s.d.can(ctx, ReadDirectory, nil); err != nil {
		return Person{}, err
	}
	return byID[Person](ctx, s.d.store, "person", id)
}

// ByUserID finds a person by the host's id. Agents only.
func (s People) ByUserID(ctx context.Context, user string) (Person, error) {
	if err := s.d.can(ctx, ReadDirectory, nil); err != nil {
		return Person{}, err
	}
	p, found, err := first[Person](ctx, s.d.store, Query{Where: []Cond{Is("user_id", user)}})
	if err == nil && !found {
		err = Errorf(NotFound, "no person %q", user)
	}
	return p, err
}

// PeopleQuery asks for people.
type PeopleQuery struct {
	Page
	Email string // exactly this address
	Role  Role   // Nobody: all; Agent: agents and admins
}

// List returns a page of people in the order they were first seen, and the
// cursor of the next. Agents only. Asked for agents, it asks the host's
// Directory first, at most once a minute.
func (s People) List(ctx context.Context, q PeopleQuery) ([]Person, string, error) {
	if err := s.d.can(ctx, ReadDirectory, nil); err != nil {
		return nil, "", err
	}
	if q.Role == Agent {
		if err := s.readDirectory(ctx); err != nil {
			return nil, "", err
		}
	}
	ask := Query{Order: []Order{{Column: "id"}}, Limit: q.limit() + 1}
	if q.Email != "" {
		ask.Where = append(ask.Where, Is("email", foldEmail(q.Email)))
	}
	switch q.Role {
	case Nobody:
	case Agent:
		ask.Where = append(ask.Where, Where("role", GreaterOrEqual, Agent))
	default:
		ask.Where = append(ask.Where, Is("role", q.Role))
	}
	if q.Cursor != "" {
		id, err := q.id()
		if err != nil {
			return nil, "", err
		}
		ask.After = []any{id}
	}
	people, err := find[Person](ctx, s.d.store, ask)
	next := ""
	if len(people) > q.limit() {
		people = people[:q.limit()]
		next = cursorOf(people[len(people)-1].ID)
	}
	return people, next, err
}

// readDirectory takes over the agents whom the host knows.
func (s People) readDirectory(ctx context.Context) error {
	d := s.d
	if d.config.Directory == nil {
		return nil
	}
	const mark = "\x00directory"
	if _, fresh := d.people.get(Identity{UserID: mark}, d.Now()); fresh {
		return nil
	}
	var agents []Identity
	err := guard(func() (err error) { agents, err = d.config.Directory(ctx); return err })
	if err != nil {
		return fmt.Errorf("the host's Directory: %w", err)
	}
	for _, id := range agents {
		if id.Role < Agent {
			id.Role = Agent
		}
		if _, err := d.ActorOf(ctx, id); err != nil {
			return err
		}
	}
	d.people.put(Identity{UserID: mark}, Actor{}, d.Now())
	return nil
}

// byIDs finds people for a page of something, by their ids.
func (s People) byIDs(ctx context.Context, ids []int64) (map[int64]Person, error) {
	people := map[int64]Person{}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return people, nil
	}
	rows, err := find[Person](ctx, s.d.store, Query{Where: []Cond{Where("id", In, ids)}})
	for _, p := range rows {
		people[p.ID] = p
	}
	return people, err
}
