package savedviews

import (
	"context"
)

// seed makes the views that a desk has from the start, once for all processes
// and times: whoever marks the desk makes them, and what an admin deletes stays
// deleted.
func (s *Views) seed(ctx context.Context) error {
	err := s.host.Change(ctx, func(ctx context.Context) error {
		db := s.host.DB(ctx)
		marked := db.Exec("UPDATE "+s.host.Table("desk")+" SET seeded = ? WHERE seeded = ?", true, false) //nolint:unqueryvet // the name of a table, the rest is literal
		if marked.Error != nil || marked.RowsAffected == 0 {
			return marked.Error
		}
		views := s.first()
		return db.Create(&views).Error
	})
	if ctx.Err() != nil { // the desk is to stop before it began: the next start makes them
		err = nil
	}
	return err
}

// first are the views of the first run. The one of broken promises is there when
// a plugin knows of some by then.
func (s *Views) first() []View {
	drafts := []Draft{
		{Name: "My tickets", Icon: "user", Filters: map[string][]string{"assignee": {"me"}, "open": {"true"}}},
		{Name: "Unassigned", Icon: "inbox", Filters: map[string][]string{"assignee": {"none"}, "open": {"true"}}},
		{Name: "Recently updated", Icon: "clock", Filters: map[string][]string{}, Sort: "-updated"},
		{Name: "All open", Icon: "list", Filters: map[string][]string{"open": {"true"}}},
	}
	if s.host.Desk().Tickets.HasParam("sla") {
		drafts = append(drafts, Draft{Name: "Breaching", Icon: "alarm", Filters: map[string][]string{"open": {"true"}, "sla": {"breached"}}})
	}
	views := make([]View, len(drafts))
	for i, d := range drafts {
		d.Sharing, d.Columns = Everybody, []string{}
		views[i] = View{Draft: d, Version: 1, CreatedAt: s.now(), UpdatedAt: s.now()}
	}
	return views
}
