package core_test

import (
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// gormStore is the store of a database with a prefix of its own.
func gormStore(t testing.TB, dsn string) core.Store {
	t.Helper()
	db, err := core.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool, err := db.DB()
		if err == nil {
			err = pool.Close()
		}
		if err != nil {
			t.Error(err)
		}
	})
	s, err := core.NewStore(db, "my_")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryStoreKeepsItsPromises(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) core.Store{
		"memory": func(testing.TB) core.Store { return core.NewMemoryStore() },
		"sqlite": func(t testing.TB) core.Store { t.Helper(); return gormStore(t, t.TempDir()+"/desk.db") },
		"postgres": func(t testing.TB) core.Store {
			t.Helper()
			return gormStore(t, pgtest.FromTemplate(t, "core.NewStore my_", func(dsn string) error {
				db, err := core.Open(dsn)
				if err != nil {
					return err
				}
				if _, err = core.NewStore(db, "my_"); err != nil {
					return err
				}
				pool, err := db.DB()
				if err != nil {
					return err
				}
				return pool.Close()
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			desktest.ExerciseStore(t, open)
		})
	}
}
