package sla

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/sla/worktime"
)

// terms are one version of a policy with one of its calendar, compiled.
type terms struct {
	policyID        int64
	version         int64 // the row's id
	number          int
	name            string
	savedBy         string
	savedAt         core.Time
	body            Terms
	calendarVersion *int64
	calendarName    string
	zone            string
	calendar        *worktime.Calendar
}

// book holds the policies in force, in their order and compiled. Whether another
// process has changed them is looked at once a second: as with settings, all
// follow within two.
type book struct {
	s *Levels

	mu       sync.Mutex
	looked   time.Time // when the revision was seen last
	edits    int       // by this process
	revision int64
	policies []*terms
	versions map[[2]int64]*terms // by the ids of a policy's and a calendar's version, which never change
}

// Revision is the row that rises with each change of a policy or calendar.
type Revision struct {
	ID       int64
	Revision int64
}

const lookEach = time.Second

// current are the policies in force; the default one is the last. No lock is held
// while the database is asked: who waits for the lock may hold the connection that
// the answer needs.
func (b *book) current(ctx context.Context) ([]*terms, error) {
	at := b.s.host.Now()
	b.mu.Lock()
	policies, revision, edits, since := b.policies, b.revision, b.edits, at.Sub(b.looked)
	b.mu.Unlock()
	if policies != nil && since >= 0 && since < lookEach {
		return policies, nil
	}
	var now Revision
	err := b.s.host.DB(ctx).Select("revision").Take(&now, "id = 1").Error
	if err == nil && (policies == nil || revision != now.Revision) {
		policies, err = b.read(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("the policies: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.edits == edits { // else what was read may be what was before
		b.policies, b.revision, b.looked = policies, now.Revision, at
	}
	return policies, nil
}

// forget lets the next one who asks look.
func (b *book) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looked = time.Time{}
	b.edits++
}

func (b *book) read(ctx context.Context) ([]*terms, error) {
	var rows []struct {
		PolicyVersion   int64
		CalendarVersion *int64
	}
	table := b.s.host.Table
	join := "LEFT JOIN " + table("calendars") + " c ON c.id = p.calendar_id"
	err := b.s.host.DB(ctx).Table(table("policies") + " p").Select("p.current AS policy_version, c.current AS calendar_version").
		Joins(join).Order("p.is_default, p.position, p.id").Limit(maxDocuments).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	policies := make([]*terms, 0, len(rows))
	for _, row := range rows {
		one, err := b.at(ctx, row.PolicyVersion, row.CalendarVersion)
		if err != nil {
			return nil, err
		}
		policies = append(policies, one)
	}
	return policies, nil
}

// maxVersions bounds what is kept compiled.
const maxVersions = 1000

// at are the terms of a version of a policy with one of a calendar: those in
// force, or those of a promise, which may have been changed or deleted since.
func (b *book) at(ctx context.Context, policy int64, calendar *int64) (*terms, error) {
	key := [2]int64{policy}
	if calendar != nil {
		key[1] = *calendar
	}
	b.mu.Lock()
	known := b.versions[key]
	b.mu.Unlock()
	if known != nil {
		return known, nil
	}
	one, err := b.load(ctx, policy, calendar)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.versions == nil || len(b.versions) >= maxVersions {
		b.versions = map[[2]int64]*terms{}
	}
	b.versions[key] = one
	return one, nil
}

func (b *book) load(ctx context.Context, policy int64, calendar *int64) (*terms, error) {
	v, err := b.s.version(ctx, policy)
	if err != nil {
		return nil, err
	}
	one := &terms{policyID: v.OwnerID, version: v.ID, number: v.Number, name: v.Name, savedBy: v.ByName, savedAt: v.At}
	if err := json.Unmarshal([]byte(v.Body), &one.body); err != nil {
		return nil, fmt.Errorf("version %d of policy %s: %w", v.Number, v.Name, err)
	}
	if calendar == nil {
		return one, nil
	}
	if v, err = b.s.version(ctx, *calendar); err != nil {
		return nil, err
	}
	var h CalendarHours
	if err := json.Unmarshal([]byte(v.Body), &h); err != nil {
		return nil, fmt.Errorf("version %d of calendar %s: %w", v.Number, v.Name, err)
	}
	one.calendarVersion, one.calendarName, one.zone = calendar, v.Name, h.Zone
	one.calendar, err = h.compile()
	return one, err
}

// choose finds the policy that is for a ticket: the first whose conditions hold,
// else the default one, else nil.
func choose(policies []*terms, t core.Ticket, tags []int64) (chosen *terms, why string) {
	for _, one := range policies {
		if why, ok := one.body.Conditions.match(t, tags); ok {
			return one, why
		}
	}
	return nil, ""
}
