package sla

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// PolicyDraft is a policy about to be saved.
type PolicyDraft struct {
	Name       string `json:"name" min:"1" max:"100"`
	Position   int    `json:"position,omitempty" doc:"in the order in which policies are asked; the first whose conditions hold is taken"`
	IsDefault  bool   `json:"is_default,omitempty" doc:"for tickets that no other policy is for; one at most"`
	CalendarID *int64 `json:"calendar_id,omitempty" doc:"whose hours are business hours"`
	Terms
}

// Policy is a policy as it is saved.
type Policy struct {
	ID int64 `json:"id"`
	PolicyDraft
	Version int `json:"version"`
}

type policyRow struct {
	ID         int64
	Name       string
	Position   int
	IsDefault  bool
	Version    int
	Current    int64 // the row of its version
	CalendarID *int64
	Body       string
}

func (r policyRow) policy() (p Policy, err error) {
	p = Policy{r.ID, PolicyDraft{Name: r.Name, Position: r.Position, IsDefault: r.IsDefault, CalendarID: r.CalendarID}, r.Version}
	if err = json.Unmarshal([]byte(r.Body), &p.Terms); err != nil {
		err = fmt.Errorf("policy %s: %w", r.Name, err)
	}
	return p, err
}

func (s *Levels) policies(ctx context.Context) *gorm.DB {
	return s.host.DB(ctx).Table(s.host.Table("policies"))
}

// Policies lists all policies in the order in which they are asked. Agents only.
func (s *Levels) Policies(ctx context.Context) ([]Policy, error) {
	if err := agentsOnly(ctx); err != nil {
		return nil, err
	}
	var rows []policyRow
	if err := s.policies(ctx).Order("is_default, position, id").Limit(maxDocuments).Find(&rows).Error; err != nil {
		return nil, err
	}
	out := make([]Policy, 0, len(rows))
	for _, row := range rows {
		p, err := row.policy()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// Policy finds one policy. Agents only.
func (s *Levels) Policy(ctx context.Context, id int64) (Policy, error) {
	if err := agentsOnly(ctx); err != nil {
		return Policy{}, err
	}
	row, err := s.policyRow(ctx, id)
	if err != nil {
		return Policy{}, err
	}
	return row.policy()
}

func (s *Levels) policyRow(ctx context.Context, id int64) (row policyRow, err error) {
	return row, take(s.policies(ctx), &row, "policy", id)
}

// SavePolicy makes a policy, with id 0, or replaces one. Clocks that run keep the
// version that they have; see Reapply. It fails with Invalid, and with Conflict
// when the policy is not at the version that was seen. Admins only.
func (s *Levels) SavePolicy(ctx context.Context, id int64, d PolicyDraft, seen *int) (p Policy, err error) {
	d.fill()
	err = s.edit(ctx, func(ctx context.Context) error {
		if err := s.checkPolicy(ctx, id, d); err != nil {
			return err
		}
		row, err := s.policyToSave(ctx, id, seen)
		if err != nil {
			return err
		}
		body, err := json.Marshal(d.Terms)
		if err != nil {
			return err
		}
		row.Name, row.Position, row.IsDefault, row.CalendarID, row.Body, row.Version = d.Name, d.Position, d.IsDefault, d.CalendarID, string(body), row.Version+1
		if err := s.policies(ctx).Save(&row).Error; err != nil {
			return err
		}
		v, err := s.keepVersion(ctx, aPolicy, row.ID, row.Version, d.Name, d.Terms)
		if err != nil {
			return err
		}
		p = Policy{row.ID, d, row.Version}
		return s.policies(ctx).Where("id = ?", row.ID).Update("current", v.ID).Error
	})
	return p, err
}

func (s *Levels) checkPolicy(ctx context.Context, id int64, d PolicyDraft) error {
	if err := checkName(d.Name); err != nil {
		return err
	}
	if err := d.check(d.IsDefault, d.CalendarID); err != nil {
		return err
	}
	if d.CalendarID != nil {
		if _, err := s.calendarRow(ctx, *d.CalendarID); core.KindOf(err) == core.NotFound {
			return core.InvalidField("calendar_id", "there is no calendar %d", *d.CalendarID)
		} else if err != nil {
			return err
		}
	}
	if err := s.checkConditions(ctx, d.Conditions); err != nil || !d.IsDefault {
		return err
	}
	var others []string
	if err := s.policies(ctx).Where("is_default AND id <> ?", id).Limit(1).Pluck("name", &others).Error; err != nil {
		return err
	}
	if len(others) > 0 {
		return core.InvalidField("is_default", "the policy %q is the default one", others[0])
	}
	return nil
}

// checkConditions refuses what does not exist: a policy for it would be for no
// ticket.
func (s *Levels) checkConditions(ctx context.Context, c Conditions) error {
	gone, err := s.host.Desk().Tickets.Gone(ctx, core.TicketRefs{
		Departments: c.Departments, TagIDs: c.Tags, People: c.Requesters, Types: c.Types,
	})
	switch {
	case err != nil:
		return err
	case len(gone.Departments) > 0:
		return core.InvalidField("conditions.departments", "there is no department %d", gone.Departments[0])
	case len(gone.TagIDs) > 0:
		return core.InvalidField("conditions.tags", "there is no tag %d", gone.TagIDs[0])
	case len(gone.Types) > 0:
		return core.InvalidField("conditions.types", "this desk has no tickets of the type %q", gone.Types[0])
	case len(gone.People) > 0:
		return core.InvalidField("conditions.requesters", "there is no person %d", gone.People[0])
	}
	return nil
}

func (s *Levels) policyToSave(ctx context.Context, id int64, seen *int) (row policyRow, err error) {
	if id == 0 {
		return row, s.room(ctx, "policies")
	}
	if row, err = s.policyRow(ctx, id); err != nil {
		return row, err
	}
	return row, stale(seen, row.Version, "policy")
}

// DeletePolicy deletes a policy. Clocks that it runs go on as they are. Admins
// only.
func (s *Levels) DeletePolicy(ctx context.Context, id int64) error {
	return s.edit(ctx, func(ctx context.Context) error {
		if _, err := s.policyRow(ctx, id); err != nil {
			return err
		}
		return s.policies(ctx).Where("id = ?", id).Delete(&policyRow{}).Error
	})
}
