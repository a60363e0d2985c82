package core_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
)

func TestAFullDiskStopsWritesOnly(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*testing.T) (db *gorm.DB, fill, free func(*desktest.Desk)){
		"the engine": limitedPages, "a disk": smallDisk,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, fill, free := prepare(t)
			ear := &createdEar{heard: map[int64]bool{}}
			ear.deaf.Store(true) // and on a full disk it cannot be written down that it failed
			d := desktest.NewWith(t, desktest.SQLite, func(c *core.Config) { c.DB = db }, core.Inline("ear", ear.register))
			d.AllowErrors() // what follows the log may meet the full disk
			made := map[int64]bool{add(d): true}
			d.Do(desktest.Agent, "GET /api/tickets", nil).Want(200) // who calls for the first time is written down
			fill(d)
			refusal := fillUp(d, made)
			if refusal.Status != 503 || !strings.Contains(string(refusal.Body), "no space left") || refusal.Header.Get("Retry-After") == "" {
				t.Errorf("on a full disk: %s", refusal)
			}
			d.Do(desktest.Agent, "GET /api/tickets", nil).Want(200)
			whole(t, d, made)
			if name == "a disk" { // the engine's limit leaves room within pages
				eventually(t, func() bool { return strings.Contains(strings.Join(d.Errors(), " "), "written down") })
			}
			free(d)
			ear.deaf.Store(false)
			made[add(d)] = true
			whole(t, d, made)
			d.Settle()
			if heard := ear.all(); fmt.Sprint(heard) != fmt.Sprint(made) {
				t.Errorf("After heard of %v, and there are %v", heard, made)
			}
		})
	}
}

// limitedPages lets SQLite take no more pages than there are.
func limitedPages(t *testing.T) (db *gorm.DB, fill, free func(*desktest.Desk)) {
	t.Helper()
	limit := func(pages int64) func(*desktest.Desk) {
		return func(d *desktest.Desk) {
			if err := d.DB.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Error; err != nil {
				t.Fatal(err)
			}
		}
	}
	return nil, limit(1), limit(1 << 30)
}

// smallDisk is a file system in memory that a file fills.
func smallDisk(t *testing.T) (db *gorm.DB, fill, free func(*desktest.Desk)) {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("a tmpfs cannot be mounted here, which needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	db, err := core.Open(filepath.Join(dir, "desk.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if pool, err := db.DB(); err != nil || pool.Close() != nil {
			t.Error("the database cannot be closed")
		}
	})
	ballast := filepath.Join(dir, "ballast")
	fill = func(*desktest.Desk) {
		if err := os.WriteFile(ballast, make([]byte, 16<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("the disk is not full: %v", err)
		}
	}
	free = func(*desktest.Desk) {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	return db, fill, free
}

func create(d *desktest.Desk, words int) *desktest.Response {
	return d.Do(desktest.Customer, "POST /api/tickets", map[string]any{"subject": "Full", "body": strings.Repeat("much ", words)})
}

func idOf(r *desktest.Response) int64 {
	var made struct{ ID int64 }
	r.Want(201).JSON(&made)
	return made.ID
}

func add(d *desktest.Desk) int64 { return idOf(create(d, 4000)) }

// fillUp makes tickets until even a small one is refused: pages that are there
// have room.
func fillUp(d *desktest.Desk, made map[int64]bool) (last *desktest.Response) {
	for _, words := range []int{4000, 1} {
		for last = create(d, words); last.Status == 201 && len(made) < 1000; last = create(d, words) {
			made[idOf(last)] = true
		}
	}
	return last
}

// whole checks the file, and that there is all of what was acknowledged and
// nothing of what was not.
func whole(t *testing.T, d *desktest.Desk, made map[int64]bool) {
	t.Helper()
	var state string
	if err := d.DB.Raw("PRAGMA integrity_check").Scan(&state).Error; err != nil || state != "ok" {
		t.Errorf("integrity_check: %s %v", state, err)
	}
	for table, where := range map[string]string{"tickets": "1 = 1", "events": "type = 'ticket.created'"} {
		var n int
		if err := d.DB.Raw("SELECT count(*) FROM " + d.Config.TablePrefix + table + " WHERE " + where).Scan(&n).Error; err != nil || n != len(made) {
			t.Errorf("%d rows in %s after %d tickets: %v", n, table, len(made), err)
		}
	}
}

// createdEar notes which tickets After was told of.
type createdEar struct {
	deaf  atomic.Bool
	mu    sync.Mutex
	heard map[int64]bool
}

func (e *createdEar) register(h core.Host) error {
	h.Hooks().Ticket.Create.After.Add(h, "hear", func(_ context.Context, ev hooks.Event[core.TicketCreated]) error {
		if e.deaf.Load() {
			return errors.New("come again")
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard[ev.Data.Ticket.ID] = true
		return nil
	})
	return nil
}

func (e *createdEar) all() map[int64]bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard
}
