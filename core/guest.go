package core

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"
)

// GuestHeader carries a guest's token: never an address, which would end in
// logs and in the Referer of others.
const GuestHeader = "Hookdesk-Guest-Token"

// guestTime is how long a guest's token opens the ticket.
const guestTime = 90 * 24 * time.Hour

// guestToken opens one ticket to whoever holds it. Only its hash is kept.
type guestToken struct {
	Hash      string
	TicketID  int64
	PersonID  int64
	ExpiresAt Time
}

// GuestDesk is the service for visitors whom the host does not know.
type GuestDesk struct{ d *Desk }

// GuestTicket is what a visitor asks.
type GuestTicket struct {
	Name    string
	Email   string
	Subject string
	Body    string
	Channel Channel
}

// Open creates a ticket for a visitor and returns the token that opens it: 256
// random bits, told once. It fails with Forbidden unless Config.GuestTickets.
func (s GuestDesk) Open(ctx context.Context, g GuestTicket) (Ticket, string, error) {
	d := s.d
	if !d.config.GuestTickets {
		return Ticket{}, "", Errorf(Forbidden, "this desk takes tickets from signed-in users only")
	}
	name := strings.TrimSpace(g.Name)
	if n := utf8.RuneCountInString(name); n == 0 || n > 80 || checkText("name", name) != nil {
		return Ticket{}, "", InvalidField("name", "a name has 1 to 80 characters")
	}
	address, err := mail.ParseAddress(g.Email)
	if err != nil || address.Name != "" || len(g.Email) > 254 {
		return Ticket{}, "", InvalidField("email", "not an e-mail address")
	}
	p, err := s.person(ctx, name, foldEmail(address.Address))
	if err != nil {
		return Ticket{}, "", err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails: crypto/rand
	token := base64.RawURLEncoding.EncodeToString(secret)
	draft := TicketDraft{Subject: g.Subject, Body: g.Body, Priority: Medium, Channel: g.Channel}
	t, err := d.Tickets.create(As(ctx, Actor{Person: p, Kind: Guest}), draft, func(ctx context.Context, t Ticket) error {
		return d.store.Insert(ctx, &guestToken{hashToken(token), t.ID, p.ID, TimeOf(d.Now().Add(guestTime))})
	})
	return t, token, err
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// person is the guest of that name and address. Nothing says that the address
// is the guest's own, so it opens nothing.
func (s GuestDesk) person(ctx context.Context, name, email string) (Person, error) {
	p, found, err := first[Person](ctx, s.d.store, Query{Where: []Cond{Is("email", email), Is("role", Guest), Is("name", name)}, Order: []Order{{Column: "id"}}})
	if err != nil || found {
		return p, err
	}
	now := s.d.now()
	return s.d.People.save(ctx, Person{Name: name, Email: email, Role: Guest, CreatedAt: now, UpdatedAt: now})
}

// identify is the actor for a guest's token.
func (s GuestDesk) identify(ctx context.Context, token string) (Actor, error) {
	row, found, err := first[guestToken](ctx, s.d.store, Query{Where: []Cond{Is("hash", hashToken(token))}})
	if err != nil {
		return Actor{}, err
	}
	if !found || row.ExpiresAt.Before(s.d.Now()) {
		return Actor{}, Errorf(Unauthenticated, "the guest token is not valid, or no longer")
	}
	p, err := byID[Person](ctx, s.d.store, "person", row.PersonID)
	return Actor{Person: p, Kind: Guest, guestOf: row.TicketID}, err
}

// Ticket is the one ticket that a guest's token opens; 0 for other actors.
func (a Actor) Ticket() int64 { return a.guestOf }

func (s GuestDesk) expire(ctx context.Context) error {
	_, err := s.d.store.Delete(ctx, &guestToken{}, Where("expires_at", Less, s.d.now()))
	return err
}
