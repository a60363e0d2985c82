package sla

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

func (s *Levels) routes(h core.Host) {
	h.Handle("GET /api/tickets/{id}/sla", core.Agents, core.JSON(s.getStanding, core.Doc("What is promised about a ticket, how it stands, and why.")))
	h.Handle("GET /api/sla/policies", core.Agents, core.JSON(s.listPolicies, core.Doc("The policies, in the order in which they are asked.")))
	h.Handle("POST /api/sla/policies", core.Admins, core.JSON(s.postPolicy, core.StatusCode(201), core.Doc("Make a policy.")))
	h.Handle("GET /api/sla/policies/{id}", core.Agents, core.JSON(s.getPolicy, core.Doc("One policy.")))
	h.Handle("PUT /api/sla/policies/{id}", core.Admins, core.JSON(s.putPolicy, core.Doc("Replace a policy; clocks that run keep the one they have.")))
	h.Handle("DELETE /api/sla/policies/{id}", core.Admins, core.JSON(s.deletePolicy, core.Doc("Delete a policy; clocks that it runs go on.")))
	h.Handle("POST /api/sla/policies/{id}/reapply", core.Admins, core.JSON(s.postReapply, core.Doc("Put clocks that run under the policies as they are now.")))
	h.Handle("GET /api/sla/calendars", core.Agents, core.JSON(s.listCalendars, core.Doc("The calendars, by name.")))
	h.Handle("POST /api/sla/calendars", core.Admins, core.JSON(s.postCalendar, core.StatusCode(201), core.Doc("Make a calendar.")))
	h.Handle("GET /api/sla/calendars/{id}", core.Agents, core.JSON(s.getCalendar, core.Doc("One calendar.")))
	h.Handle("PUT /api/sla/calendars/{id}", core.Admins, core.JSON(s.putCalendar, core.Doc("Replace a calendar; clocks that run keep the one they have.")))
	h.Handle("DELETE /api/sla/calendars/{id}", core.Admins, core.JSON(s.deleteCalendar, core.Doc("Delete a calendar that no policy uses.")))
	h.Handle("POST /api/sla/apply", core.Admins, core.JSON(s.postApply, core.Doc("Put all open tickets under the policies as they are now, a hundred at a time.")))
	h.Handle("POST /api/sla/replay", core.Admins, core.JSON(s.postReplay, core.Doc("What would have become of tickets of the past under a policy; nothing is changed.")))
}

// checkSettings refuses settings that no tag can judge.
func (s *Levels) checkSettings(ctx context.Context, d *core.SettingDraft) error {
	if d.Owner != s.host.PluginID() {
		return nil
	}
	var v Settings
	if err := json.Unmarshal(d.Value, &v); err != nil {
		return err
	}
	if err := v.check(); err != nil {
		return hooks.Veto("warn_at", err.Error())
	}
	if v.EscalateTo == 0 {
		return nil
	}
	if p, err := s.host.Desk().People.Get(ctx, v.EscalateTo); core.KindOf(err) == core.NotFound || err == nil && p.Role < core.Agent {
		return hooks.Veto("escalate_to", fmt.Sprintf("there is no agent %d", v.EscalateTo))
	} else if err != nil {
		return err
	}
	return nil
}

type byID struct {
	ID int64 `path:"id" min:"1"`
}

func (s *Levels) getStanding(ctx context.Context, in byID) (Standing, error) {
	return s.Standing(ctx, in.ID)
}

type policies struct {
	Policies []Policy `json:"policies"`
}

func (s *Levels) listPolicies(ctx context.Context, _ struct{}) (out policies, err error) {
	out.Policies, err = s.Policies(ctx)
	return out, err
}

// ETag is the policy's version, for If-Match.
func (p Policy) ETag() string { return etag(p.Version) }

// ETag is the calendar's version, for If-Match.
func (c Calendar) ETag() string { return etag(c.Version) }

func etag(version int) string { return strconv.Quote(strconv.Itoa(version)) }

func (s *Levels) postPolicy(ctx context.Context, in PolicyDraft) (Policy, error) {
	return s.SavePolicy(ctx, 0, in, nil)
}

func (s *Levels) getPolicy(ctx context.Context, in byID) (Policy, error) {
	return s.Policy(ctx, in.ID)
}

// seen is the version that the caller has seen.
type seen struct {
	ID      int64  `path:"id" min:"1"`
	IfMatch string `header:"If-Match" doc:"the ETag that was seen; 409 when it is another one now"`
	Version *int   `json:"version,omitempty" min:"1" doc:"as If-Match"`
}

type putPolicy struct {
	seen
	PolicyDraft
}

func (s *Levels) putPolicy(ctx context.Context, in putPolicy) (Policy, error) {
	version, err := core.RequireVersion(in.IfMatch, in.Version)
	if err != nil {
		return Policy{}, err
	}
	return s.SavePolicy(ctx, in.ID, in.PolicyDraft, &version)
}

func (s *Levels) deletePolicy(ctx context.Context, in byID) (core.None, error) {
	return core.None{}, s.DeletePolicy(ctx, in.ID)
}

type calendars struct {
	Calendars []Calendar `json:"calendars"`
}

func (s *Levels) listCalendars(ctx context.Context, _ struct{}) (out calendars, err error) {
	out.Calendars, err = s.Calendars(ctx)
	return out, err
}

func (s *Levels) postCalendar(ctx context.Context, in CalendarDraft) (Calendar, error) {
	return s.SaveCalendar(ctx, 0, in, nil)
}

func (s *Levels) getCalendar(ctx context.Context, in byID) (Calendar, error) {
	return s.Calendar(ctx, in.ID)
}

type putCalendar struct {
	seen
	CalendarDraft
}

func (s *Levels) putCalendar(ctx context.Context, in putCalendar) (Calendar, error) {
	version, err := core.RequireVersion(in.IfMatch, in.Version)
	if err != nil {
		return Calendar{}, err
	}
	return s.SaveCalendar(ctx, in.ID, in.CalendarDraft, &version)
}

func (s *Levels) deleteCalendar(ctx context.Context, in byID) (core.None, error) {
	return core.None{}, s.DeleteCalendar(ctx, in.ID)
}

type reapply struct {
	ID    int64 `path:"id" min:"1"`
	After int64 `json:"after,omitempty" min:"0" doc:"next of the answer before"`
}

type reapplied struct {
	Tickets int   `json:"tickets" doc:"that were put under the policies of now"`
	Next    int64 `json:"next" doc:"where to go on; 0: all is done"`
}

func (s *Levels) postReapply(ctx context.Context, in reapply) (out reapplied, err error) {
	out.Tickets, out.Next, err = s.Reapply(ctx, in.ID, in.After)
	return out, err
}

type apply struct {
	Cursor string `json:"cursor,omitempty" max:"200" doc:"next_cursor of the answer before"`
}

type applied struct {
	Tickets    int     `json:"tickets" doc:"that were looked at"`
	NextCursor *string `json:"next_cursor" doc:"there are more"`
}

func (s *Levels) postApply(ctx context.Context, in apply) (out applied, err error) {
	next := ""
	out.Tickets, next, err = s.Apply(ctx, in.Cursor)
	if next != "" {
		out.NextCursor = &next
	}
	return out, err
}
