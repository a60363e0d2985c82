package sla

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
)

// Filter is what a list of tickets may ask for in its query "sla".
type Filter string

// The filters.
const (
	Breached Filter = "breached" // a promise is broken
	Due      Filter = "due"      // a clock runs
	Paused   Filter = "paused"   // clocks rest
	None     Filter = "none"     // nothing is promised
)

// Values lists the filters.
func (Filter) Values() []string {
	return []string{string(Breached), string(Due), string(Paused), string(None)}
}

// filter narrows the lists of agents and plugins; what requesters ask is not for
// them to ask.
func (s *Levels) filter(_ context.Context, q *core.TicketQuery) error {
	if !q.Actor().IsAgent() {
		return nil
	}
	promises := "(SELECT p.ticket_id FROM " + s.host.Table("promises") + " p WHERE "
	in := func(condition string) {
		q.Where("t.id IN " + promises + condition + ")") //nolint:unqueryvet // the name of a table, the rest is literal
	}
	switch Filter(q.Extra.Get("sla")) {
	case Breached:
		in("p.breached")
	case Due:
		in("p.due_at IS NOT NULL")
	case Paused:
		in("p.held <> ''")
		q.Where("t.is_open")
	case None:
		q.Where("NOT EXISTS " + promises + "p.ticket_id = t.id)") //nolint:unqueryvet // the same
	}
	return nil
}

// shown is what agents read beside a ticket, as extras.sla.
type shown struct {
	Policy   string     `json:"policy"`
	Kind     Kind       `json:"kind,omitempty" doc:"of the clock that is due next"`
	DueAt    *core.Time `json:"due_at"`
	Breached bool       `json:"breached"`
	Paused   bool       `json:"paused"`
}

// show tells agents of a page of tickets how their promises stand.
func (s *Levels) show(ctx context.Context, page *core.TicketsShown) error {
	if !page.Actor.IsAgent() || len(page.Tickets) == 0 {
		return nil
	}
	ids := make([]int64, len(page.Tickets))
	for i, t := range page.Tickets {
		ids[i] = t.ID
	}
	var rows []struct {
		Promise
		Policy string
	}
	err := s.host.DB(ctx).Table(s.host.Table("promises")+" p").Select("p.*, v.name AS policy"). //nolint:unqueryvet // names of tables
													Joins("JOIN "+s.host.Table("versions")+" v ON v.id = p.policy_version").
													Where("p.ticket_id IN ?", ids).Find(&rows).Error
	if err != nil {
		return err
	}
	for _, one := range rows {
		if err := page.Add(one.TicketID, "sla", shown{one.Policy, one.DueKind, one.DueAt, one.Breached, one.Held != ""}); err != nil {
			return err
		}
	}
	return nil
}
