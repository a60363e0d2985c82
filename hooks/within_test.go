package hooks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"

	"github.com/hookdesk/hookdesk/hooks"
)

type row struct {
	ID   int64
	Text string
}

func openDB(t *testing.T) *gorm.DB {
	t.Helper()
	name := strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: "file:" + name + "?mode=memory&cache=shared"},
		&gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.AutoMigrate(&row{}); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestWithinStandsOrFallsWithTheTransaction(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(ctx context.Context) error
		o      []hooks.Option
		rows   int64
		vetoed bool
		failed bool
	}{
		"success commits the handlers' rows too": {answer: func(context.Context) error { return nil }, rows: 2},
		"an error rolls back":                    {answer: func(context.Context) error { return errBoom }, failed: true},
		"a panic rolls back":                     {answer: func(context.Context) error { panic("boom") }, failed: true},
		"a veto rolls back":                      {answer: func(context.Context) error { return hooks.Veto("no", "No.") }, vetoed: true},
		"a missed deadline rolls back": {answer: func(ctx context.Context) error { <-ctx.Done(); return nil },
			o: []hooks.Option{hooks.Deadline(time.Millisecond)}, failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openDB(t)
			var point hooks.Within[row]
			// A point that says Skip is not believed.
			point.Declare(hooks.Point{Name: "row.store.within", Doc: "-", OnFailure: hooks.Skip})
			point.Add(&owner{id: "p"}, "copy", func(ctx context.Context, tx *gorm.DB, r *row) error {
				if err := tx.Create(&row{Text: r.Text + " copied"}).Error; err != nil && len(tt.o) == 0 {
					t.Error(err)
				}
				return tt.answer(ctx)
			}, tt.o...)
			err := db.Transaction(func(tx *gorm.DB) error {
				r := row{Text: "hello"}
				if err := tx.Create(&r).Error; err != nil {
					return err
				}
				return point.Run(t.Context(), tx, &r)
			})
			if errors.As(err, new(*hooks.Vetoed)) != tt.vetoed || errors.As(err, new(*hooks.Failure)) != tt.failed {
				t.Errorf("error %v; vetoed %v, failed %v", err, tt.vetoed, tt.failed)
			}
			var rows int64
			if err := db.Model(&row{}).Count(&rows).Error; err != nil || rows != tt.rows {
				t.Errorf("%d rows, want %d; %v", rows, tt.rows, err)
			}
			if got := only(t, &point).OnFailure; got != "abort" {
				t.Errorf("on failure %q", got)
			}
		})
	}
}

func TestTheDeadlineOfAWithinEndsItsStatements(t *testing.T) {
	t.Parallel()
	db := openDB(t)
	var point hooks.Within[row]
	point.Add(&owner{id: "p"}, "slow", func(ctx context.Context, tx *gorm.DB, _ *row) error {
		<-ctx.Done()
		if err := tx.Create(&row{}).Error; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a statement after the deadline: %v", err)
		}
		return nil
	}, hooks.Deadline(time.Millisecond))
	err := db.Transaction(func(tx *gorm.DB) error { return point.Run(t.Context(), tx, &row{}) })
	if !errors.As(err, new(*hooks.Failure)) {
		t.Error(err)
	}
}

func TestWithinStopsForACallerWhoHasLeft(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var point hooks.Within[row]
	point.Add(&owner{id: "p"}, "leave", func(context.Context, *gorm.DB, *row) error { cancel(); return nil })
	point.Add(&owner{id: "p"}, "never", func(context.Context, *gorm.DB, *row) error { t.Error("called"); return nil })
	if err := point.Run(ctx, nil, &row{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
