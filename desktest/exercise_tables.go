package desktest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/schema"
)

// otherPrefix is not the default one, so that a name with that in it stands out.
const otherPrefix = "exercise_"

// ground is a database with the tables of core and of what the plugin requires,
// and who brings the plugin's own.
func (s *suite) ground(t testing.TB, kind Database) (*gorm.DB, *schema.Migrator) {
	c := core.Config{TablePrefix: otherPrefix, Secret: make([]byte, 32)}
	owners := []schema.Owner{{ID: "core", Migrations: schema.Core()}}
	for _, other := range s.beside {
		p := other()
		c.Plugins = append(c.Plugins, p)
		if m := p.Manifest(); m.Migrations != nil {
			owners = append(owners, schema.Owner{ID: m.ID, Migrations: m.Migrations})
		}
	}
	own := s.fresh().Manifest()
	if own.Migrations == nil {
		return nil, nil
	}
	db := kind.open(t, c)
	m, err := schema.New(db, otherPrefix, append(owners, schema.Owner{ID: own.ID, Migrations: own.Migrations})...)
	if err != nil {
		t.Fatal(err)
	}
	return db, m
}

func lines(t testing.TB, db *gorm.DB) []string {
	all, err := objects(db)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(all))
	for i, o := range all {
		out[i] = o.String()
	}
	return out
}

func (s *suite) checkMigrations(t testing.TB, kind Database) {
	db, m := s.ground(t, kind)
	if db == nil {
		return
	}
	ctx := context.Background()
	ground := lines(t, db)
	if err := m.Up(ctx); err != nil {
		t.Fatalf("up: %v", err)
	}
	up := lines(t, db)
	if err := m.Down(ctx, s.id()); err != nil {
		t.Fatalf("down: %v", err)
	}
	if diff := differ(ground, lines(t, db)); diff != "" {
		t.Errorf("down does not take back what up made:\n%s", diff)
	}
	if err := m.Up(ctx); err != nil {
		t.Fatalf("up, after down: %v", err)
	}
	if diff := differ(up, lines(t, db)); diff != "" {
		t.Errorf("up, down and up make something else than up:\n%s", diff)
	}
}

// checkTables looks at what the migrations make, and at what else is there once
// the desk has run.
func (s *suite) checkTables(t testing.TB, kind Database) {
	s.checkGround(t, kind)
	d := prepare(t, kind, nil, s.plugins()...)
	migrated := lines(t, d.DB)
	d.run()
	t.Cleanup(func() { d.stop() })
	s.play(t, d)
	if diff := differ(migrated, lines(t, d.DB)); diff != "" {
		t.Errorf("tables were made by something else than the migrations:\n%s", diff)
	}
}

func (s *suite) checkGround(t testing.TB, kind Database) {
	db, m := s.ground(t, kind)
	if db == nil {
		return
	}
	before, err := objects(db)
	if err != nil {
		t.Fatal(err)
	}
	d := &Desk{DB: db, t: t}
	others := d.tables(otherPrefix)
	rows := d.rows(others...)
	if err := m.Up(context.Background()); err != nil {
		t.Fatal(err)
	}
	after, err := objects(db)
	if err != nil {
		t.Fatal(err)
	}
	if s.compare(t, before, after); t.Failed() {
		return // rows of tables that were altered cannot be compared
	}
	if diff := differ(rows, d.rows(others...)); diff != "" {
		t.Errorf("the migrations write into tables of others:\n%s", diff)
	}
}

func (s *suite) compare(t testing.TB, before, after []object) {
	for _, o := range before {
		if !slices.Contains(after, o) {
			t.Errorf("the migrations change or drop what belongs to others: %v", o)
		}
	}
	own := otherPrefix + s.id() + "_"
	for _, o := range after {
		switch {
		case slices.Contains(before, o):
		case !strings.HasPrefix(o.Tbl, own):
			t.Errorf("the migrations add to the table %s, which is not called %s…: %v", o.Tbl, own, o)
		case o.Kind != "column" && o.Kind != "constraint" && !strings.HasPrefix(o.Name, own):
			t.Errorf("the %s %s is not called %s…: a second desk on the database could not make its own", o.Kind, o.Name, own)
		}
	}
}

// firstTicket is so high that a number behind it is the id of a ticket, whatever
// the column is called.
const firstTicket = 7_310_000_000

// skipTicketIDs makes the next tickets have the ids behind firstTicket.
func (d *Desk) skipTicketIDs() {
	d.t.Helper()
	table := d.Config.TablePrefix + "tickets"
	q := fmt.Sprintf("INSERT INTO sqlite_sequence (name, seq) VALUES ('%s', %d)", table, firstTicket)
	if d.DB.Name() == "postgres" {
		q = fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', 'id'), %d)", table, firstTicket)
	}
	if err := d.DB.Exec(q).Error; err != nil {
		d.t.Fatal(err)
	}
}

// checkPurge looks for purged tickets in every number that the plugin keeps, and,
// where no scenario put one there, for the foreign key that would take it away.
func (s *suite) checkPurge(t testing.TB, db Database) {
	d := s.desk(t, db)
	s.checkKeys(t, d)
	d.skipTicketIDs()
	for _, ticket := range append(s.live(t, d, ordinary), s.play(t, d)) {
		if _, err := d.Tickets.Delete(d.As(Admin), ticket.ID); err != nil {
			t.Fatalf("the ticket cannot be deleted: %v", err)
		}
	}
	d.Settle()
	d.Leap(400 * 24 * time.Hour) // more than the days in the bin
	d.Settle()
	if err := d.RunJob(context.Background(), "core.purge"); err != nil {
		t.Fatalf("the ticket cannot be purged: %v", err)
	}
	for _, name := range d.own(s.id()) {
		rows, err := rowsOf(d.DB, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for column, v := range row {
				if n, ok := v.(int64); ok && n > firstTicket && n < firstTicket+1000 {
					t.Errorf("the ticket is purged, but the column %s of a row in %s still has it: %s", column, name, show(row))
				}
			}
		}
	}
}

func ofTicket(column string) bool {
	return column == "ticket_id" || strings.HasSuffix(column, "_ticket_id")
}

const sqliteKeys = `SELECT m.name AS tbl, c.name AS name, coalesce(f."table" || ' ' || f.on_delete, '') AS def
	FROM sqlite_master m JOIN pragma_table_info(m.name) c LEFT JOIN pragma_foreign_key_list(m.name) f ON f."from" = c.name
	WHERE m.type = 'table'`

// checkKeys holds every column that refers to a ticket to a foreign key. The SQL
// is one for both databases, so one of them is enough.
func (s *suite) checkKeys(t testing.TB, d *Desk) {
	if d.DB.Name() != "sqlite" {
		return
	}
	var columns []object
	if err := d.DB.Raw(sqliteKeys).Scan(&columns).Error; err != nil {
		t.Fatal(err)
	}
	want := d.Config.TablePrefix + "tickets "
	for _, c := range columns {
		if slices.Contains(d.own(s.id()), c.Tbl) && ofTicket(c.Name) && c.Def != want+"CASCADE" && c.Def != want+"SET NULL" {
			t.Errorf("%s.%s does not refer to %sON DELETE CASCADE (or SET NULL): it has %q", c.Tbl, c.Name, want, c.Def)
		}
	}
}
