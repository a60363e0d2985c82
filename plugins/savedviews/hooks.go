package savedviews

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

// Hooks are the points at which others take part.
type Hooks struct {
	// Save is a view made or changed. A Before handler may refuse it, or change
	// New; what it makes of New is checked like any input.
	Save hooks.Action[Saving, Saved]
	// Delete is a view deleted. A Before handler may refuse.
	Delete hooks.Action[View, Deleted]
	// Query is a view about to be asked for tickets, or counted.
	Query hooks.Filter[Asking]
}

// Saving is a view about to be saved.
type Saving struct {
	Old View  `json:"old"` // the zero value of a new one
	New Draft `json:"new"`
}

// Clone copies it as deep as a hook can reach.
func (s Saving) Clone() Saving {
	s.Old, s.New = s.Old.Clone(), s.New.Clone()
	return s
}

// Saved is the event of a saved view. All agents may read of events, so it says
// nothing of what stands in a view that may be another's private one.
type Saved struct {
	ViewID  int64   `json:"view_id"`
	Version int     `json:"version"`
	Sharing Sharing `json:"sharing"`
}

// Deleted is the event of a deleted view.
type Deleted struct {
	ViewID  int64   `json:"view_id"`
	Sharing Sharing `json:"sharing"`
}

// Asking is a view about to be asked for tickets, by the actor of the context.
type Asking struct {
	View   View       `json:"view"`
	Params url.Values `json:"params"` // query parameters of GET /api/tickets
}

// Clone copies it as deep as a hook can reach.
func (a Asking) Clone() Asking {
	a.View, a.Params = a.View.Clone(), cloneFilters(a.Params)
	return a
}

// Clone copies the view as deep as a hook can reach.
func (v View) Clone() View {
	v.Draft, v.Broken = v.Draft.Clone(), slices.Clone(v.Broken)
	return v
}

// Clone copies the draft as deep as a hook can reach.
func (d Draft) Clone() Draft {
	d.Departments, d.Columns, d.Filters = slices.Clone(d.Departments), slices.Clone(d.Columns), cloneFilters(d.Filters)
	return d
}

func cloneFilters[M ~map[string][]string](filters M) M {
	out := maps.Clone(filters)
	for name, values := range out {
		out[name] = slices.Clone(values)
	}
	return out
}

func (h *Hooks) declare() {
	const patience = 5 * time.Second
	h.Save.Declare(hooks.Point{
		Name: "view.save", Timeout: patience, Writable: []string{"new"},
		Doc: "An agent saves a view.",
	}, "view.saved")
	h.Delete.Declare(hooks.Point{Name: "view.delete", Timeout: patience, Doc: "An agent deletes a view."}, "view.deleted")
	h.Query.Declare(hooks.Point{
		Name: "view.query", Timeout: patience, Writable: []string{"params"},
		Doc: "A view is asked for its tickets, or counted.",
	})
}
