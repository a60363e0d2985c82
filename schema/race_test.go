package schema_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/schema"
)

// childEnv holds the DSN that a child process, which is this test binary again,
// migrates with slow.
const childEnv = "SCHEMA_TEST_CHILD"

// TestChild is no test but the child process.
func TestChild(t *testing.T) {
	t.Parallel()
	dsn := os.Getenv(childEnv)
	if dsn == "" {
		t.Skip("only in a child process")
	}
	must(t, migrator(t, open(t, dsn), "hd_", slow(t)).Up(t.Context()))
}

// child starts a process that migrates; its output goes to the buffer.
func child(t *testing.T, dsn string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), childEnv+"="+dsn)
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	return cmd, &out
}

func TestManyMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var wg sync.WaitGroup
			shared, owner := open(t, dsn), slow(t)
			for i := range 8 {
				wg.Go(func() {
					db := shared
					if i%2 == 0 { // half of them with a pool of their own
						var err error
						if db, err = connect(dsn); err != nil {
							t.Error(err)
							return
						}
						defer pool(t, db).Close()
					}
					m, err := schema.New(db, "hd_", owner)
					if err == nil {
						err = m.Up(t.Context())
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			for range 3 {
				cmd, out := child(t, dsn)
				wg.Go(func() {
					if err := cmd.Wait(); err != nil {
						t.Errorf("child: %v\n%s", err, out)
					}
				})
			}
			wg.Wait()
			complete(t, shared)
		})
	}
}

func TestManyMigrateOneDatabaseInMemory(t *testing.T) {
	t.Parallel()
	db, owner := open(t, ":memory:"), slow(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			m, err := schema.New(db, "hd_", owner)
			if err == nil {
				err = m.Up(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	complete(t, db)
}

func TestAKilledRunIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dsn)
			// A child is killed a little later each time, beginning when it has made
			// the version table: somewhere it is in the middle of each migration.
			for round := range 12 {
				cmd, out := child(t, dsn)
				done := make(chan error, 1)
				go func() { done <- cmd.Wait() }()
				waitFor(t, func() bool { return strings.Contains(tables(t, db), "hd_toy_migrations") })
				select {
				case err := <-done:
					if err != nil {
						t.Fatalf("round %d: %v\n%s", round, err, out)
					}
				case <-time.After(time.Duration(round*13) * time.Millisecond):
					must(t, cmd.Process.Kill())
					<-done
				}
			}
			must(t, migrator(t, db, "hd_", slow(t)).Up(t.Context()))
			complete(t, db)
		})
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen in 30 s")
		}
	}
}

// holdUp makes a migration of the prefix wait in its middle, and returns what
// lets it go on.
func holdUp(t *testing.T, dsn, prefix string) func() {
	t.Helper()
	db := open(t, dsn)
	must(t, migrator(t, db, prefix, toy()).Up(t.Context()))
	holder := open(t, dsn).Begin()
	t.Cleanup(func() { holder.Rollback() }) // so that a failed test ends
	must(t, holder.Exec("UPDATE "+prefix+"things SET n = n").Error)
	more := with(t, toy(), map[string]string{"0004_wait.sql": "-- +goose Up\nUPDATE {{.Prefix}}things SET n = n + 1;"})
	done := make(chan error, 1)
	go func() { done <- migrator(t, db, prefix, more).Up(t.Context()) }()
	waitFor(t, func() bool { return waits(t, db) })
	return func() {
		must(t, holder.Rollback().Error)
		must(t, <-done)
	}
}

func waits(t *testing.T, db *gorm.DB) bool {
	t.Helper()
	return query[bool](t, db, `SELECT count(*) > 0 FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock'`)
}

func upWithin(t *testing.T, db *gorm.DB, limit time.Duration, prefix string, owners ...schema.Owner) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	err := migrator(t, db, prefix, owners...).Up(ctx)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("not for the time: %w", err)
	}
	return err
}
