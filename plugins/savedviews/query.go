package savedviews

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/hookdesk/hookdesk/core"
)

// expand says which parameters of GET /api/tickets a view stands for.
func (s *Views) expand(ctx context.Context, value string) (url.Values, error) {
	id, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return nil, core.InvalidField("view", "must be a view's id")
	}
	v, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.params(ctx, v), nil
}

// params are the view's filters that are of use, and its sort. A parameter that
// nobody knows any more is left out, and matchNothing lets nothing through. A tag that is gone is too, for GET
// /api/tickets refuses it; see matchesNothing for a view that has no other. All
// else that is gone simply finds nothing.
func (s *Views) params(ctx context.Context, v View) url.Values {
	params := url.Values(cloneFilters(v.Filters))
	for _, b := range v.Broken {
		if b.whole {
			params.Del(b.Field)
		} else if b.Field == "tag" {
			params["tag"] = slices.DeleteFunc(params["tag"], func(tag string) bool { return tag == b.Value })
		}
	}
	if len(params["tag"]) == 0 {
		params.Del("tag")
	}
	if v.Sort != "" && s.host.Desk().Tickets.HasSort(v.Sort) {
		params.Set("sort", v.Sort)
	}
	asking := Asking{View: v, Params: params}
	s.hooks.Query.Run(ctx, &asking)
	return asking.Params
}

// matchesNothing reports whether the view asks for tags that are all gone: without
// them it would show far more than it did.
func matchesNothing(v View) bool {
	gone := 0
	for _, b := range v.Broken {
		if b.Field == "tag" && !b.whole {
			gone++
		}
	}
	return gone > 0 && gone == len(v.Filters["tag"])
}

// lost says which parameter of the view nobody knows any more, or not with its
// value; "" is none. A sort is no loss, nor is what the request says itself.
func lost(v View, given url.Values) string {
	for _, b := range v.Broken {
		if b.whole && b.Field != "sort" && !given.Has(b.Field) {
			return fmt.Sprintf("the filter %s: %s", b.Field, b.Why)
		}
	}
	return ""
}

// matchNothing empties the list of a view whose filters are gone, unless the
// request says them itself.
func (s *Views) matchNothing(ctx context.Context, q *core.TicketQuery) error {
	if !q.Extra.Has("view") {
		return nil
	}
	id, err := strconv.ParseInt(q.Extra.Get("view"), 10, 64)
	if err != nil {
		return core.InvalidField("view", "must be a view's id")
	}
	v, err := s.Get(ctx, id)
	switch {
	case core.KindOf(err) == core.NotFound: // deleted since
		err = nil
	case err == nil && (lost(v, q.Extra) != "" || matchesNothing(v) && q.Tag == nil):
		q.Where("1 = 0")
	}
	return err
}
