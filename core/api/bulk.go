package api

import (
	"context"
	"errors"

	"github.com/hookdesk/hookdesk/core"
)

type bulk struct {
	IDs    []int64     `json:"ids,omitempty" max:"100"`
	Query  *bulkQuery  `json:"query,omitempty" doc:"instead of ids: the first 100 that it finds"`
	Change *bulkChange `json:"change,omitempty"`
	Delete bool        `json:"delete,omitempty" doc:"instead of a change; admins only"`
}

type bulkQuery struct {
	Status     []core.Status   `json:"status,omitempty"`
	Priority   []core.Priority `json:"priority,omitempty"`
	Type       []string        `json:"type,omitempty"`
	Department []int64         `json:"department,omitempty"`
	Tag        []string        `json:"tag,omitempty"`
	Assignee   []string        `json:"assignee,omitempty"`
	Text       string          `json:"q,omitempty" max:"200"`
	Open       *bool           `json:"open,omitempty"`
}

type bulkChange struct {
	Priority   *core.Priority    `json:"priority,omitempty"`
	Type       *string           `json:"type,omitempty"`
	Status     *core.Status      `json:"status,omitempty"`
	Assignee   core.Maybe[ref]   `json:"assignee,omitzero"`
	Department core.Maybe[int64] `json:"department_id,omitzero"`
	Tags       *[]string         `json:"tags,omitempty" max:"20"`
}

type bulkResult struct {
	ID     int64             `json:"id"`
	Status int               `json:"status" doc:"as of a single change: 200, 403, 404, 409, 422, 500"`
	Detail string            `json:"detail,omitempty"`
	Errors []core.FieldError `json:"errors,omitempty"`
}

type bulkAnswer struct {
	Results []bulkResult `json:"results"`
	More    bool         `json:"more" doc:"the query finds further tickets"`
}

func (a *api) bulk(ctx context.Context, in bulk) (bulkAnswer, error) {
	b := core.BulkChange{IDs: in.IDs, Delete: in.Delete}
	if (in.Change == nil) != in.Delete {
		return bulkAnswer{}, core.InvalidField("change", "say what to change, or delete")
	}
	if c := in.Change; c != nil {
		assignee, err := a.maybePerson(ctx, "change.assignee", c.Assignee)
		if err != nil {
			return bulkAnswer{}, err
		}
		b.Patch = core.TicketPatch{Priority: c.Priority, Type: c.Type, Status: c.Status, Assignee: assignee, Department: c.Department, Tags: c.Tags}
	}
	if q := in.Query; q != nil {
		asked, err := core.TicketParams{
			Status: q.Status, Priority: q.Priority, Type: q.Type, Department: q.Department, Tag: q.Tag, Assignee: q.Assignee, Text: q.Text, Open: q.Open,
		}.Query(ctx)
		if err != nil {
			return bulkAnswer{}, err
		}
		b.Query = &asked
	}
	results, more, err := a.desk.Tickets.Bulk(ctx, b)
	out := bulkAnswer{Results: []bulkResult{}, More: more}
	for _, r := range results {
		out.Results = append(out.Results, resultOf(r))
	}
	return out, err
}

func resultOf(r core.BulkResult) bulkResult {
	var e *core.Error
	switch {
	case r.Err == nil:
		return bulkResult{ID: r.ID, Status: 200}
	case errors.As(r.Err, &e):
		return bulkResult{ID: r.ID, Status: int(e.Kind), Detail: e.Message, Errors: e.Fields}
	}
	return bulkResult{ID: r.ID, Status: 500, Detail: "internal error"}
}
