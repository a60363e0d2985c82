package sla

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// Version is what a policy or a calendar was, and who made it so.
type Version struct {
	ID      int64
	Kind    string // "policy" or "calendar"
	OwnerID int64
	Number  int
	Name    string
	Body    string // JSON of Terms or CalendarHours
	ByID    *int64
	ByName  string
	At      core.Time
}

const (
	aPolicy   = "policy"
	aCalendar = "calendar"
)

func (s *Levels) version(ctx context.Context, id int64) (v Version, err error) {
	if err = s.host.DB(ctx).Take(&v, id).Error; err != nil {
		err = fmt.Errorf("version %d: %w", id, err)
	}
	return v, err
}

// keepVersion notes what a policy or calendar is from now on.
func (s *Levels) keepVersion(ctx context.Context, kind string, owner int64, number int, name string, body any) (Version, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return Version{}, err
	}
	v := Version{Kind: kind, OwnerID: owner, Number: number, Name: name, Body: string(text), At: s.now()}
	if a := core.ActorFrom(ctx); a.Plugin != "" {
		v.ByName = a.Plugin
	} else {
		v.ByID, v.ByName = &a.Person.ID, a.Person.Name
	}
	return v, s.host.DB(ctx).Create(&v).Error
}

// edit runs fn in a transaction that no other change of a policy or calendar is
// in: admins take turns, and every process sees that its book is old.
func (s *Levels) edit(ctx context.Context, fn func(context.Context) error) error {
	if core.ActorFrom(ctx).Kind != core.Admin {
		return core.Errorf(core.Forbidden, "only admins change policies and calendars")
	}
	defer s.book.forget()
	return s.host.Change(ctx, func(ctx context.Context) error {
		err := s.host.DB(ctx).Model(&Revision{}).Where("id = 1").Update("revision", gorm.Expr("revision + 1")).Error
		if err != nil {
			return err
		}
		return fn(ctx)
	})
}

// stale is the conflict of an admin who has not seen the version of now.
func stale(seen *int, now int, what string) error {
	if seen == nil || *seen == now {
		return nil
	}
	return &core.Error{Kind: core.Conflict, Code: "version", Message: fmt.Sprintf("the %s was changed meanwhile: it is at version %d", what, now)}
}

const maxName = 100

func checkName(name string) error {
	if n := utf8.RuneCountInString(name); strings.TrimSpace(name) == "" || n > maxName || strings.ContainsFunc(name, unicode.IsControl) {
		return core.InvalidField("name", "a name has 1 to %d characters that can be seen", maxName)
	}
	return nil
}

// maxDocuments is how many policies, and how many calendars, a desk may have:
// each new ticket is held against all policies.
const maxDocuments = 100

func (s *Levels) room(ctx context.Context, table string) error {
	var ids []int64
	if err := s.host.DB(ctx).Table(s.host.Table(table)).Limit(maxDocuments).Pluck("id", &ids).Error; err != nil {
		return err
	}
	if len(ids) >= maxDocuments {
		return core.Errorf(core.Conflict, "a desk has at most %d %s", maxDocuments, table)
	}
	return nil
}

func agentsOnly(ctx context.Context) error {
	if !core.ActorFrom(ctx).IsAgent() {
		return core.Errorf(core.Forbidden, "what is promised, and by which hours, is for agents")
	}
	return nil
}

// take reads one row; what it is of is for the error.
func take(db *gorm.DB, row any, what string, id int64) error {
	err := db.Where("id = ?", id).Take(row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = core.Errorf(core.NotFound, "there is no %s %d", what, id)
	}
	return err
}
