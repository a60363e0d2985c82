package desktest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// errUndo is why the transactions of the checks are rolled back.
var errUndo = errors.New("undo")

// slugs are those of the tags that ctx sees, in order.
func slugs(ctx context.Context, t testing.TB, s core.Store) []string {
	t.Helper()
	out := []string{}
	for _, g := range rows[core.Tag](ctx, t, s, core.Query{Order: []core.Order{{Column: "slug"}}}) {
		out = append(out, g.Slug)
	}
	return out
}

func addTag(ctx context.Context, s core.Store, slug string) error {
	return s.Insert(ctx, &core.Tag{Slug: slug})
}

// addAndUndo adds a tag, and sees it, in a transaction that fails.
func addAndUndo(t testing.TB, s core.Store, slug string, end func() error) error {
	t.Helper()
	return s.Tx(t.Context(), func(ctx context.Context) error {
		if err := addTag(ctx, s, slug); err != nil {
			return err
		}
		if !slices.Contains(slugs(ctx, t, s), slug) {
			t.Error("a transaction does not see what it wrote")
		}
		var tags []core.Tag
		if err := s.Update(ctx, &tags, []core.Assign{core.Set("name", "changed")}); err != nil {
			return err
		}
		if _, err := s.Delete(ctx, &core.Tag{}, core.Is("slug", "kept")); err != nil {
			return err
		}
		return end()
	})
}

func storeKeepsTransactions(t testing.TB, s core.Store) {
	t.Helper()
	err := s.Tx(t.Context(), func(ctx context.Context) error { return addTag(ctx, s, "kept") })
	if err != nil {
		t.Fatal(err)
	}
	fails(t, "a transaction returns", addAndUndo(t, s, "undone", func() error { return errUndo }), errUndo)
	same(t, "after a rollback", slugs(t.Context(), t, s), []string{"kept"})
	same(t, "after a rollback", rows[core.Tag](t.Context(), t, s, core.Query{})[0].Name, "")
	func() {
		defer func() { same(t, "the panic that came through", recover(), any("oh")) }()
		_ = addAndUndo(t, s, "panicked", func() error { panic("oh") }) // it does not return
	}()
	same(t, "after a panic", slugs(t.Context(), t, s), []string{"kept"})
	if err := addTag(t.Context(), s, "later"); err != nil {
		t.Errorf("after a panic: %v", err)
	}
	same(t, "in the end", slugs(t.Context(), t, s), []string{"kept", "later"})
}

func storeJoinsTransactions(t testing.TB, s core.Store) {
	t.Helper()
	both := func(inner, outer error) error {
		return s.Tx(t.Context(), func(ctx context.Context) error {
			if err := addTag(ctx, s, "outer"); err != nil {
				return err
			}
			err := s.Tx(ctx, func(ctx context.Context) error {
				same(t, "what the inner one sees", slugs(ctx, t, s), []string{"outer"})
				return errors.Join(addTag(ctx, s, "inner"), inner)
			})
			if inner != nil {
				fails(t, "the inner one returns", err, inner)
				return err
			}
			same(t, "what the outer one sees", slugs(ctx, t, s), []string{"inner", "outer"})
			return errors.Join(err, outer)
		})
	}
	fails(t, "the outer one fails", both(nil, errUndo), errUndo)
	same(t, "after that", slugs(t.Context(), t, s), []string{})
	fails(t, "the inner one fails", both(errUndo, nil), errUndo)
	same(t, "after that", slugs(t.Context(), t, s), []string{})
	if err := both(nil, nil); err != nil {
		t.Error(err)
	}
	same(t, "both are kept", slugs(t.Context(), t, s), []string{"inner", "outer"})
}

// The outer one may have a use for what it did before, and after, the inner one
// failed: whether that says so itself or a statement of it did.
func storeUndoesAPart(t testing.TB, s core.Store) {
	t.Helper()
	err := s.Tx(t.Context(), func(ctx context.Context) error {
		if err := addTag(ctx, s, "before"); err != nil {
			return err
		}
		fails(t, "the inner one", s.Tx(ctx, func(ctx context.Context) error {
			return errors.Join(addTag(ctx, s, "undone"), errUndo)
		}), errUndo)
		fails(t, "the inner one", s.Tx(ctx, func(ctx context.Context) error {
			return errors.Join(addTag(ctx, s, "undone"), addTag(ctx, s, "before"))
		}), core.ErrDuplicate)
		if _, err := s.Delete(ctx, &core.Tag{}, core.Is("slug", "none")); err != nil {
			return err
		}
		return addTag(ctx, s, "after")
	})
	if err != nil {
		t.Error(err)
	}
	same(t, "what is kept", slugs(t.Context(), t, s), []string{"after", "before"})
}

func storeHidesWhatIsOpen(t testing.TB, s core.Store) {
	t.Helper()
	if err := addTag(t.Context(), s, "old"); err != nil {
		t.Fatal(err)
	}
	err := s.Tx(t.Context(), func(ctx context.Context) error {
		if _, err := s.Delete(ctx, &core.Tag{}, core.Is("slug", "old")); err != nil {
			return err
		}
		if err := addTag(ctx, s, "new"); err != nil {
			return err
		}
		same(t, "inside", slugs(ctx, t, s), []string{"new"})
		same(t, "outside, while it is open", slugs(t.Context(), t, s), []string{"old"})
		n, err := s.Count(t.Context(), &core.Tag{}, core.Query{Where: []core.Cond{core.Is("slug", "new")}})
		same(t, "counted outside, while it is open", n, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "outside, after the commit", slugs(t.Context(), t, s), []string{"new"})
}

// A store may spoil a transaction in which a call failed, as PostgreSQL does,
// or let it go on without that call, as SQLite does. What it must not do is
// claim that all was kept when it was not.
func storeSurvivesFailures(t testing.TB, s core.Store) {
	t.Helper()
	if err := addTag(t.Context(), s, "taken"); err != nil {
		t.Fatal(err)
	}
	var after error
	err := s.Tx(t.Context(), func(ctx context.Context) error {
		if err := addTag(ctx, s, "before"); err != nil {
			return err
		}
		fails(t, "a tag that is there", addTag(ctx, s, "taken"), core.ErrDuplicate)
		after = addTag(ctx, s, "behind")
		return nil
	})
	want := []string{"before", "behind", "taken"}
	if err != nil {
		want = []string{"taken"}
	}
	if err == nil && after != nil {
		t.Errorf("a call behind the failed one returned %v, but the transaction was kept", after)
	}
	same(t, "the tags then", slugs(t.Context(), t, s), want)
	fails(t, "the error goes through Tx", s.Tx(t.Context(), func(ctx context.Context) error { return addTag(ctx, s, "taken") }), core.ErrDuplicate)
	if err := addTag(t.Context(), s, "usable"); err != nil {
		t.Errorf("after a transaction that failed: %v", err)
	}
}

func storeHeedsContexts(t testing.TB, s core.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var tags []core.Tag
	fails(t, "Find", s.Find(ctx, &tags, core.Query{}), context.Canceled)
	fails(t, "Insert", addTag(ctx, s, "late"), context.Canceled)
	fails(t, "Update", s.Update(ctx, &tags, []core.Assign{core.Add("version", 1)}), context.Canceled)
	_, err := s.Count(ctx, &core.Tag{}, core.Query{})
	fails(t, "Count", err, context.Canceled)
	_, err = s.Delete(ctx, &core.Tag{})
	fails(t, "Delete", err, context.Canceled)
	fails(t, "Tx", s.Tx(ctx, func(context.Context) error { t.Error("the transaction ran"); return nil }), context.Canceled)

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	err = s.Tx(ctx, func(ctx context.Context) error {
		if err := addTag(ctx, s, "early"); err != nil {
			return err
		}
		cancel()
		fails(t, "a call after the caller has gone", addTag(ctx, s, "late"), nil)
		return nil
	})
	fails(t, "a transaction whose caller has gone", err, nil)
	same(t, "the tags then", slugs(t.Context(), t, s), []string{})
	if err := addTag(t.Context(), s, "usable"); err != nil {
		t.Errorf("after a transaction whose caller has gone: %v", err)
	}
}

func storeLocks(t testing.TB, s core.Store) {
	t.Helper()
	const writers, each = 8, 5
	g := core.Tag{Slug: "counter"}
	add(t, s, &g)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				err := s.Tx(t.Context(), func(ctx context.Context) error {
					var was, is []core.Tag
					if err := s.Find(ctx, &was, core.Query{Where: []core.Cond{core.Is("id", g.ID)}, Lock: true}); err != nil {
						return err
					}
					return s.Update(ctx, &is, []core.Assign{core.Set("version", was[0].Version+1)}, core.Is("id", g.ID))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	same(t, "read and then written by many", rows[core.Tag](t.Context(), t, s, core.Query{})[0].Version, writers*each)
}

// overtaking is how long a second transaction may take to overtake an open one.
const overtaking = 300 * time.Millisecond

// The log of events is read in the order of ids. Where a transaction can commit
// before another one that has a lower id, a reader would skip the other's
// event: such a store must place the events by core.Sequencer.
func storeOrdersEvents(t testing.TB, s core.Store) {
	t.Helper()
	var overtook bool
	err := s.Tx(t.Context(), func(ctx context.Context) error {
		if err := s.Insert(ctx, &core.Event{Type: "first"}); err != nil {
			return err
		}
		soon, cancel := context.WithTimeout(t.Context(), overtaking)
		defer cancel()
		overtook = s.Tx(soon, func(ctx context.Context) error { return s.Insert(ctx, &core.Event{Type: "second"}) }) == nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !overtook {
		return
	}
	log, ok := s.(core.Sequencer)
	if !ok {
		t.Fatal("an event was committed before one with a lower id: the store must be a core.Sequencer, also when it wraps one that is")
	}
	placed := 0
	for range 10 {
		n, _, err := log.Sequence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		placed += n
	}
	same(t, "events that Sequence placed", placed, 2)
}
