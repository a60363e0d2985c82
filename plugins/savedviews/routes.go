package savedviews

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hookdesk/hookdesk/core"
)

type nothing struct{}

type viewList struct {
	Views []View `json:"views"`
}

func (s *Views) listViews(ctx context.Context, _ nothing) (viewList, error) {
	views, err := s.List(ctx)
	return viewList{views}, err
}

type oneView struct {
	ID int64 `path:"id" min:"1"`
}

func (s *Views) getView(ctx context.Context, in oneView) (View, error) { return s.Get(ctx, in.ID) }

type createView struct {
	Name        string              `json:"name" min:"1" max:"80"`
	Icon        string              `json:"icon,omitempty" max:"40"`
	Sharing     Sharing             `json:"sharing,omitempty" default:"private" doc:"with everybody: admins, and agents where the settings let them"`
	Departments []int64             `json:"departments,omitempty" max:"20" doc:"with the sharing departments; agents share with their own"`
	Filters     map[string][]string `json:"filters,omitempty" doc:"query parameters of GET /api/tickets, each with its values"`
	Sort        string              `json:"sort,omitempty" max:"20" doc:"as in GET /api/tickets"`
	Columns     []string            `json:"columns,omitempty" max:"20" doc:"what the list shows, such as subject"`
}

func (s *Views) createView(ctx context.Context, in createView) (View, error) {
	return s.Create(ctx, Draft(in))
}

type patchView struct {
	ID          int64                `path:"id" min:"1"`
	IfMatch     string               `header:"If-Match" doc:"the ETag that was seen, or version; 409 when the view changed since"`
	Name        *string              `json:"name,omitempty" min:"1" max:"80"`
	Icon        *string              `json:"icon,omitempty" max:"40"`
	Sharing     *Sharing             `json:"sharing,omitempty"`
	Departments *[]int64             `json:"departments,omitempty" max:"20"`
	Filters     *map[string][]string `json:"filters,omitempty" doc:"all of them"`
	Sort        *string              `json:"sort,omitempty" max:"20"`
	Columns     *[]string            `json:"columns,omitempty" max:"20"`
	Version     *int                 `json:"version,omitempty" min:"1" doc:"the one that was seen, or If-Match"`
}

func (s *Views) patchView(ctx context.Context, in patchView) (View, error) {
	version, err := core.RequireVersion(in.IfMatch, in.Version)
	if err != nil {
		return View{}, err
	}
	return s.Update(ctx, in.ID, Patch{
		Name: in.Name, Icon: in.Icon, Sharing: in.Sharing, Departments: in.Departments,
		Filters: in.Filters, Sort: in.Sort, Columns: in.Columns, Version: version,
	})
}

type deleteView struct {
	ID      int64  `path:"id" min:"1"`
	IfMatch string `header:"If-Match" doc:"the ETag that was seen, or version; 409 when the view changed since"`
	Version *int   `query:"version" min:"1" doc:"the one that was seen, or If-Match"`
}

func (s *Views) deleteView(ctx context.Context, in deleteView) (core.None, error) {
	version, err := core.RequireVersion(in.IfMatch, in.Version)
	if err != nil {
		return core.None{}, err
	}
	return core.None{}, s.Delete(ctx, in.ID, version)
}

type reorderViews struct {
	IDs []int64 `json:"ids" max:"400" doc:"views that you may open, the first one first"`
}

func (s *Views) reorderViews(ctx context.Context, in reorderViews) (viewList, error) {
	if err := s.Reorder(ctx, in.IDs); err != nil {
		return viewList{}, err
	}
	return s.listViews(ctx, nothing{})
}

type countViews struct {
	IDs []string `query:"ids" required:"true" max:"50" doc:"views' ids, with commas between, at most 50"`
}

type countList struct {
	Counts []Count `json:"counts"`
}

func (s *Views) countViews(ctx context.Context, in countViews) (countList, error) {
	ids, err := in.views()
	if err != nil {
		return countList{}, err
	}
	counts, err := s.Counts(ctx, ids)
	return countList{counts}, err
}

func (s *Views) streamCounts(w http.ResponseWriter, r *http.Request, in countViews) error {
	ids, err := in.views()
	if err != nil {
		return err
	}
	return s.live.serve(w, r, ids)
}

// views are the ids, each once.
func (in countViews) views() (ids []int64, err error) {
	for text := range strings.SplitSeq(strings.Join(in.IDs, ","), ",") {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id < 1 {
			return nil, core.InvalidField("ids", "must be views' ids with commas between")
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > maxCounts {
		return nil, core.InvalidField("ids", "at most %d views at once", maxCounts)
	}
	return ids, nil
}
