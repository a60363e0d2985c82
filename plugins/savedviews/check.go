package savedviews

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookdesk/hookdesk/core"
)

const (
	maxName        = 80 // characters
	maxIcon        = 40
	maxDepartments = 20
	maxColumns     = 20
	maxFilters     = 20 // parameters
	maxValues      = 20 // of one of them
	maxText        = 500
)

var columnForm = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,39}$`)

// check makes a draft tidy and refuses what is wrong with it.
func (s *Views) check(ctx context.Context, old View, d *Draft) error {
	d.Name, d.Icon = strings.TrimSpace(d.Name), strings.TrimSpace(d.Icon)
	tidy(&d.Departments)
	switch {
	case !writable(d.Name, 1, maxName):
		return core.InvalidField("name", "a name has 1 to %d characters, in one line", maxName)
	case !writable(d.Icon, 0, maxIcon):
		return core.InvalidField("icon", "an icon has at most %d characters, in one line", maxIcon)
	}
	if err := checkColumns(d); err != nil {
		return err
	}
	if err := s.checkSharing(ctx, old, *d); err != nil {
		return err
	}
	return s.checkFilters(ctx, old, d)
}

func tidy(ids *[]int64) {
	list := slices.Sorted(slices.Values(*ids))
	*ids = slices.Compact(list)
}

// writable is a text of so many characters that stands in one line.
func writable(text string, least, most int) bool {
	n := utf8.RuneCountInString(text)
	return utf8.ValidString(text) && least <= n && n <= most && !strings.ContainsFunc(text, unicode.IsControl)
}

func checkColumns(d *Draft) error {
	if d.Columns == nil {
		d.Columns = []string{}
	}
	if len(d.Columns) > maxColumns {
		return core.InvalidField("columns", "at most %d columns", maxColumns)
	}
	for i, c := range d.Columns {
		switch {
		case !columnForm.MatchString(c):
			return core.InvalidField("columns", "a column is a name such as subject or snooze.until")
		case slices.Contains(d.Columns[:i], c):
			return core.InvalidField("columns", "the column %s is given twice", c)
		}
	}
	return nil
}

// checkSharing refuses a way to share that the actor may not choose. One that
// was chosen before stays.
func (s *Views) checkSharing(ctx context.Context, old View, d Draft) error {
	if old.ID != 0 && old.Sharing == d.Sharing && slices.Equal(old.Departments, d.Departments) {
		return nil
	}
	if d.Sharing != ByDepartments && len(d.Departments) > 0 {
		return core.InvalidField("departments", "they go with the sharing %q", ByDepartments)
	}
	a := core.ActorFrom(ctx)
	switch d.Sharing {
	case Private:
		if old.ID != 0 && !owns(a, old) || a.Person.ID == 0 {
			return core.InvalidField("sharing", "only its owner makes a view private")
		}
		return nil
	case Everybody:
		return s.mayShareWithAll(a)
	case ByDepartments:
		return s.checkDepartments(ctx, d.Departments)
	}
	return core.InvalidField("sharing", "must be one of %s", strings.Join(Private.Values(), ", "))
}

func (s *Views) mayShareWithAll(a core.Actor) error {
	var settings Settings
	if err := s.host.Settings(&settings); err != nil {
		return err
	}
	if a.Kind < core.Admin && !settings.AgentsShare {
		return core.Errorf(core.Forbidden, "only admins share views with everybody")
	}
	return nil
}

func (s *Views) checkDepartments(ctx context.Context, ids []int64) error {
	if len(ids) == 0 || len(ids) > maxDepartments {
		return core.InvalidField("departments", "share with 1 to %d departments", maxDepartments)
	}
	gone, err := s.host.Desk().Tickets.Gone(ctx, core.TicketRefs{Departments: ids})
	if err != nil {
		return err
	}
	if len(gone.Departments) > 0 {
		return core.InvalidField("departments", "there is no department %d", gone.Departments[0])
	}
	a := core.ActorFrom(ctx)
	for _, id := range ids {
		if a.Kind < core.Admin && len(a.Departments) > 0 && !slices.Contains(a.Departments, id) {
			return core.Errorf(core.Forbidden, "you are not in the department %d", id)
		}
	}
	return nil
}

// checkFilters holds filters and sort to what GET /api/tickets takes. Those that
// were saved before stay: what they name may have gone since.
func (s *Views) checkFilters(ctx context.Context, old View, d *Draft) error {
	filters := map[string][]string{}
	for name, values := range d.Filters {
		if len(values) > 0 {
			filters[name] = values
		}
	}
	d.Filters = filters
	if old.ID != 0 && old.Sort == d.Sort && maps.EqualFunc(old.Filters, filters, slices.Equal) {
		return nil
	}
	if err := checkSize(filters); err != nil {
		return err
	}
	params := url.Values(cloneFilters(filters))
	if d.Sort != "" {
		params.Set("sort", d.Sort)
	}
	list := s.host.Desk().Tickets
	q, err := list.Query(ctx, params)
	if err == nil {
		err = list.Check(ctx, q)
	}
	if err != nil {
		return inFilters(err)
	}
	return s.checkRefs(ctx, filters)
}

// checkSize refuses what is no filter, and what is too much to keep.
func checkSize(filters map[string][]string) error {
	if len(filters) > maxFilters {
		return core.InvalidField("filters", "at most %d filters", maxFilters)
	}
	for name, values := range filters {
		switch name {
		case "sort":
			return core.InvalidField("filters.sort", "the sort has a field of its own, beside filters")
		case "view", "limit", "cursor", "count":
			return core.InvalidField("filters."+name, "is said by who opens the view, not by the view")
		}
		if len(values) > maxValues || slices.ContainsFunc(values, func(v string) bool { return utf8.RuneCountInString(v) > maxText }) {
			return core.InvalidField("filters."+name, "at most %d values of %d characters", maxValues, maxText)
		}
	}
	return nil
}

// checkRefs refuses what would be broken from the start.
func (s *Views) checkRefs(ctx context.Context, filters map[string][]string) error {
	gone, err := s.host.Desk().Tickets.Gone(ctx, refsOf(filters))
	if err != nil {
		return err
	}
	if broken := missing(filters, gone); len(broken) > 0 {
		return core.InvalidField("filters."+broken[0].Field, "%s", broken[0].Why)
	}
	return nil
}

// inFilters names the fields of a view that a refusal of its list is about.
func inFilters(err error) error {
	var e *core.Error
	if !errors.As(err, &e) {
		return err
	}
	shown := *e
	shown.Fields = slices.Clone(e.Fields)
	for i, f := range shown.Fields {
		if f.Field != "sort" {
			shown.Fields[i].Field = "filters." + f.Field
		}
	}
	return &shown
}
