package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// round is so many cycles on one new database: in each the desk works for a
// moment and then something happens to it. At the end all is counted.
type round struct {
	cycles int
	plant  string
	seed   uint64
	dir    string         // of the ledger, the processes' words, and SQLite's file
	server *pgtest.Server // nil: SQLite, which one process has to itself

	rand   *rand.Rand
	fleet  *fleet
	reader *reader
	tally  tally
	stop   context.CancelFunc // the reader's
}

// tally is what a round, or many, came to.
type tally struct {
	Cycles, Kills, Freezes, Stops int
	Acknowledged, Events, Resumed int
	Faults                        faults
}

// plus is the sum of two.
func (t tally) plus(o tally) tally {
	t.Cycles += o.Cycles
	t.Kills += o.Kills
	t.Freezes += o.Freezes
	t.Stops += o.Stops
	t.Acknowledged += o.Acknowledged
	t.Events += o.Events
	t.Resumed += o.Resumed
	all := faults{}
	for _, kind := range kinds() {
		all[kind] = slices.Concat(t.Faults[kind], o.Faults[kind])
	}
	t.Faults = all
	return t
}

const (
	writers = 6
	// A lease must be longer than the desks of a busy machine are late, and short
	// enough that it runs out between two kills.
	leaseSQLite   = 150 * time.Millisecond
	leasePostgres = 300 * time.Millisecond
)

// run does the round. Its error says that the harness itself failed; what the
// desk did wrong stands in the tally.
func (r *round) run(ctx context.Context) (tally, error) {
	r.rand = rand.New(rand.NewPCG(r.seed, 1))
	r.tally.Faults = faults{}
	ledger, err := newLedger(filepath.Join(r.dir, "ledger"))
	if err != nil {
		return r.tally, err
	}
	defer ledger.file.Close()
	log, err := os.Create(filepath.Join(r.dir, "log"))
	if err != nil {
		return r.tally, err
	}
	defer log.Close()
	if err := r.open(log); err != nil {
		return r.tally, err
	}
	defer r.end()
	if err := r.work(ctx, ledger); err != nil {
		return r.tally, fmt.Errorf("%w\n%s", err, tail(log.Name()))
	}
	db, err := core.Open(r.fleet.spec.Database)
	if err != nil {
		return r.tally, err
	}
	defer closeDB(db)
	if err := r.settle(ctx, db); err != nil {
		return r.tally, err
	}
	return r.tally, r.judge(db, ledger)
}

func (r *round) open(log *os.File) (err error) {
	s := spec{Database: "sqlite:" + filepath.Join(r.dir, "desk.db"), Files: filepath.Join(r.dir, "files"), Lease: leaseSQLite, Plant: r.plant}
	size := 1
	if r.server != nil {
		size, s.Lease = 2, leasePostgres
		if s.Database, err = r.server.Create(); err != nil {
			return err
		}
	}
	if r.fleet, err = newFleet(size, s, log); err != nil {
		return err
	}
	for _, p := range r.fleet.desks {
		if err := r.fleet.start(p); err != nil {
			return fmt.Errorf("%w\n%s", err, tail(log.Name()))
		}
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	r.reader = newReader(r.fleet, who{user: "reader", role: agentHeader})
	go r.reader.run(ctx)
	return nil
}

// end leaves no process behind, whatever happened.
func (r *round) end() {
	r.stop()
	for _, p := range r.fleet.desks {
		_ = p.kill() // it has mostly ended
	}
}

// work lets writers write while one thing after the other happens to the desk.
func (r *round) work(ctx context.Context, l *ledger) error {
	writing, rest := context.WithCancel(ctx)
	defer rest()
	var wg sync.WaitGroup
	errs, all := make([]error, writers), make([]*writer, writers)
	for i := range all {
		all[i] = &writer{fleet: r.fleet, ledger: l, name: fmt.Sprint(i), rand: rand.New(rand.NewPCG(r.seed, uint64(i)+2))}
		wg.Go(func() { errs[i] = all[i].run(writing) })
	}
	var err error
	for n := 0; n < r.cycles && err == nil && ctx.Err() == nil; n++ {
		time.Sleep(r.moment())
		err = r.happen(n)
		r.tally.Cycles++
	}
	rest()
	wg.Wait()
	for _, w := range all {
		r.tally.Faults[unsound] = append(r.tally.Faults[unsound], w.refused...)
	}
	r.tally.Acknowledged = l.n
	return errors.Join(errors.Join(errs...), err, ctx.Err())
}

// moment is how long the desk works in peace: mostly less than a lease lasts,
// and now and then long enough for the handlers to come to the newest event.
func (r *round) moment() time.Duration {
	if r.rand.IntN(5) == 0 {
		return time.Duration(400+r.rand.IntN(400)) * time.Millisecond
	}
	return time.Duration(30+r.rand.IntN(120)) * time.Millisecond
}

// happen does something to the desk, in turn to one of its processes.
func (r *round) happen(n int) error {
	p := r.fleet.desks[n%len(r.fleet.desks)]
	chance := r.rand.IntN(100)
	if r.plant == noFence {
		chance = 24 // only who is frozen past its lease shows it
	}
	switch {
	case r.server != nil && chance < 5:
		r.tally.Stops++
		return errors.Join(r.server.StopNow(), r.server.Start())
	case r.server != nil && chance < 25:
		r.tally.Freezes++
		return p.freeze(2 * leasePostgres)
	}
	r.tally.Kills++
	if err := p.kill(); err != nil {
		return err
	}
	return r.fleet.start(p)
}

// patience is how long the handlers may take to have seen all, and the reader.
const patience = 30 * time.Second

// settle waits until everything has arrived, or nothing more does, and stops the
// desks in order.
func (r *round) settle(ctx context.Context, db *gorm.DB) error {
	held, err := leases(db)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		arrived, err := r.arrived(db)
		if err != nil {
			return err
		}
		now, err := leases(db)
		if err != nil {
			return err
		}
		for name, mark := range now {
			arrived = arrived && held[name] != mark // whoever was killed last has been followed by another
		}
		if arrived || !wait(ctx, 50*time.Millisecond) {
			break
		}
	}
	r.stop()
	for _, p := range r.fleet.desks {
		if err := p.stop(); err != nil {
			r.tally.Faults.add(unsound, "a desk that was told to stop: %v", err)
		}
	}
	return ctx.Err()
}

// lease is one that somebody holds, as its row shows it.
type lease struct {
	Name  string
	Token int64
	Beat  int64
}

// leases are those that somebody holds, or held when he died.
func leases(db *gorm.DB) (map[string]lease, error) {
	var rows []lease
	err := scan(db, &rows, "SELECT name, token, beat FROM hookdesk_consumers WHERE beat <> 0 UNION ALL SELECT name, token, beat FROM hookdesk_jobs WHERE beat <> 0")
	held := map[string]lease{}
	for _, l := range rows {
		held[l.Name] = l
	}
	return held, err
}

// arrived reports whether the handlers have done all they should, and the reader
// has been told of the newest event.
func (r *round) arrived(db *gorm.DB) (bool, error) {
	newest, placed := "SELECT coalesce(max(id), 0) FROM hookdesk_events", "SELECT 0"
	if postgres(db) {
		newest, placed = "SELECT coalesce(max(seq), 0) FROM hookdesk_event_seq", "SELECT count(*) FROM hookdesk_event_pending"
	}
	var last, pending, open int64
	err := errors.Join(scan(db, &last, newest), scan(db, &pending, placed), db.Raw(
		"SELECT count(*) FROM hookdesk_events WHERE type IN ? AND id NOT IN (SELECT event_id FROM hookdesk_probe_effects)", heardTypes()).Scan(&open).Error)
	return open == 0 && pending == 0 && r.reader.place() >= last, err
}

// judge compares all there is with the ledger, as it stands on the disk.
func (r *round) judge(db *gorm.DB, l *ledger) error {
	acknowledged, err := readLedger(l.file.Name())
	if err != nil {
		return err
	}
	e, err := gather(db, r.fleet.spec.Files)
	if err != nil {
		return err
	}
	found, err := e.judge(acknowledged, r.plant != "")
	for kind, list := range found {
		r.tally.Faults[kind] = append(r.tally.Faults[kind], list...)
	}
	r.tally.Events, r.tally.Resumed = len(e.events), r.reader.resumed
	for _, ev := range e.events {
		if !r.reader.seen[ev.Seq] {
			r.tally.Faults.add(missed, "event %d, %s of ticket %d, at %d", ev.ID, ev.Type, ev.TicketID, ev.Seq)
		}
	}
	r.tally.Faults[missed] = append(r.tally.Faults[missed], r.reader.faults...)
	return err
}

func closeDB(db *gorm.DB) {
	if pool, err := db.DB(); err == nil {
		_ = pool.Close() // nothing was written
	}
}

// tail is the end of what the processes said.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}
