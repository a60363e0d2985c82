package savedviews

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hookdesk/hookdesk/core"
)

// examine notes what of the views' filters names something that is gone: a
// parameter of a plugin that is off, a department, a tag, a person.
func (s *Views) examine(ctx context.Context, views []View) error {
	var all core.TicketRefs
	for _, v := range views {
		refs := refsOf(v.Filters)
		all.Departments = append(all.Departments, refs.Departments...)
		all.Tags = append(all.Tags, refs.Tags...)
		all.People = append(all.People, refs.People...)
	}
	gone, err := s.host.Desk().Tickets.Gone(ctx, all)
	if err != nil {
		return err
	}
	for i := range views {
		v := &views[i]
		v.Broken = []Broken{}
		unread, err := s.unreadable(ctx, v.Filters)
		if err != nil {
			return err
		}
		v.Broken = append(v.Broken, unread...)
		v.Broken = append(v.Broken, missing(v.Filters, gone)...)
		if v.Sort != "" && !s.host.Desk().Tickets.HasSort(v.Sort) {
			v.Broken = append(v.Broken, Broken{Field: "sort", Value: v.Sort, Why: "nobody sorts so any more", whole: true})
		}
	}
	return nil
}

// unreadable are the parameters that GET /api/tickets does not take any more, or
// not with these values.
func (s *Views) unreadable(ctx context.Context, filters map[string][]string) (broken []Broken, err error) {
	for _, name := range slices.Sorted(maps.Keys(filters)) {
		_, err := s.host.Desk().Tickets.Query(ctx, url.Values{name: filters[name]})
		if err == nil {
			continue
		}
		var e *core.Error
		if !errors.As(err, &e) {
			return nil, err
		}
		why := e.Message
		if len(e.Fields) > 0 {
			why = e.Fields[0].Message
		}
		broken = append(broken, Broken{Field: name, Value: strings.Join(filters[name], ", "), Why: why, whole: true})
	}
	return broken, nil
}

// refsOf is what filters of core name.
func refsOf(filters map[string][]string) core.TicketRefs {
	return core.TicketRefs{
		Departments: idsIn(filters["department"]),
		Tags:        filters["tag"],
		People:      append(idsIn(filters["assignee"]), idsIn(filters["requester"])...),
	}
}

func idsIn(values []string) (ids []int64) {
	for _, v := range values {
		if id, err := strconv.ParseInt(v, 10, 64); err == nil { // me and none are no ids
			ids = append(ids, id)
		}
	}
	return ids
}

// missing are the values of the filters that are among what is gone.
func missing(filters map[string][]string, gone core.TicketRefs) (broken []Broken) {
	for _, kind := range []struct {
		field, what string
		ids         []int64
	}{
		{"department", "department", gone.Departments}, {"assignee", "person", gone.People}, {"requester", "person", gone.People},
	} {
		for _, value := range filters[kind.field] {
			if id, err := strconv.ParseInt(value, 10, 64); err == nil && slices.Contains(kind.ids, id) {
				broken = append(broken, Broken{Field: kind.field, Value: value, Why: fmt.Sprintf("there is no %s %d", kind.what, id)})
			}
		}
	}
	for _, value := range filters["tag"] {
		if slices.Contains(gone.Tags, value) {
			broken = append(broken, Broken{Field: "tag", Value: value, Why: fmt.Sprintf("there is no tag %q", value)})
		}
	}
	return broken
}
