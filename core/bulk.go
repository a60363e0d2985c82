package core

import (
	"context"
	"errors"
)

// maxBulk is how many tickets one call changes.
const maxBulk = 100

// BulkChange is one change for many tickets: of the given ids, or of the first
// page that the query finds.
type BulkChange struct {
	IDs    []int64
	Query  *TicketQuery
	Patch  TicketPatch
	Delete bool
}

// BulkResult is how one ticket fared.
type BulkResult struct {
	ID  int64
	Err error // nil: done
}

// Bulk changes many tickets, each by itself with the checks of a single
// change, and tells for each how it went. More is true when the query finds
// further tickets.
func (s Tickets) Bulk(ctx context.Context, b BulkChange) (results []BulkResult, more bool, err error) {
	ids := b.IDs
	switch {
	case (len(ids) == 0) == (b.Query == nil):
		return nil, false, InvalidField("ids", "name tickets, or give a query")
	case len(ids) > maxBulk:
		return nil, false, InvalidField("ids", "at most %d tickets at once", maxBulk)
	case b.Patch.Version != nil:
		return nil, false, InvalidField("version", "many tickets have no one version")
	case b.Query != nil:
		b.Query.Limit = maxBulk
		page, err := s.List(ctx, *b.Query)
		if err != nil {
			return nil, false, err
		}
		for _, t := range page.Tickets {
			ids = append(ids, t.ID)
		}
		more = page.NextCursor != ""
	}
	for _, id := range ids {
		err := s.bulkOne(ctx, id, b)
		var e *Error
		if err = translate(err); err != nil && !errors.As(err, &e) {
			s.d.log.ErrorContext(ctx, "bulk change failed", "ticket", id, "err", err)
		}
		results = append(results, BulkResult{id, err})
	}
	return results, more, nil
}

func (s Tickets) bulkOne(ctx context.Context, id int64, b BulkChange) error {
	if b.Delete {
		_, err := s.Delete(ctx, id)
		return err
	}
	_, err := s.Update(ctx, id, b.Patch)
	return err
}
