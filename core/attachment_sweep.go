package core

import "context"

// release takes attachments away and counts their blobs down.
func (s Attachments) release(ctx context.Context, which ...Cond) error {
	rows, err := find[Attachment](ctx, s.d.store, Query{Where: which})
	if err != nil {
		return err
	}
	for _, a := range rows {
		if _, err := s.d.store.Delete(ctx, &Attachment{}, Is("id", a.ID)); err != nil {
			return err
		}
		left, err := update[blob](ctx, s.d.store, []Assign{Add("refs", -1)}, Is("sha256", a.SHA256))
		if err != nil {
			return err
		}
		if len(left) == 1 && left[0].Refs == 0 {
			if _, err := update[blob](ctx, s.d.store, []Assign{Set("released_at", s.d.now())}, Is("sha256", a.SHA256)); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweep forgets uploads that nobody claimed and removes files that nothing
// refers to any more.
func (s Attachments) sweep(ctx context.Context) error {
	if s.d.config.Files == nil {
		return nil
	}
	old := TimeOf(s.d.Now().Add(-claimWithin))
	err := s.d.store.Tx(ctx, func(ctx context.Context) error {
		return s.release(ctx, append(unclaimed(), Where("created_at", Less, old))...)
	})
	if err != nil {
		return err
	}
	due, err := find[blob](ctx, s.d.store, Query{
		Where: []Cond{{Column: "released_at", Op: NotNull}, Where("released_at", Less, TimeOf(s.d.Now().Add(-sweepAfter)))}, Limit: maxList,
	})
	if err != nil {
		return err
	}
	for _, b := range due {
		if err := s.d.store.Tx(ctx, func(ctx context.Context) error { return s.remove(ctx, b) }); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes the file while the row's lock keeps an upload of the same
// content waiting.
func (s Attachments) remove(ctx context.Context, b blob) error {
	n, err := s.d.store.Delete(ctx, &blob{}, Is("sha256", b.SHA256), Is("refs", 0))
	if err != nil || n == 0 {
		return err
	}
	return s.d.config.Files.Remove(ctx, b.SHA256)
}
