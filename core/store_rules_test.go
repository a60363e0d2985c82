package core

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
)

// all reads rows of a PRAGMA.
func all[T any](t *testing.T, db *gorm.DB, query string, args ...any) []T {
	t.Helper()
	var rows []T
	if err := db.Raw(query, args...).Scan(&rows).Error; err != nil {
		t.Fatal(err)
	}
	return rows
}

// migrated is a database with core's tables and no prefix worth the name.
func migrated(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := Open("sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if pool, err := db.DB(); err != nil || pool.Close() != nil {
			t.Error("the database cannot be closed")
		}
	})
	if _, err := NewStore(db, "p_"); err != nil {
		t.Fatal(err)
	}
	return db
}

// tableNames are core's tables without the prefix.
func tableNames(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	var names []string
	for _, name := range all[string](t, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'p\_%' ESCAPE '\' ORDER BY name`) {
		if !strings.HasSuffix(name, "_migrations") {
			names = append(names, strings.TrimPrefix(name, "p_"))
		}
	}
	return names
}

// The memory store repeats by hand what the migrations say; this is what keeps
// the two from drifting apart.
func TestTheMemoryStoreHasTheUniqueValuesOfTheMigrations(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	names := tableNames(t, db)
	for _, table := range names {
		var want []string
		if key := all[string](t, db, "SELECT name FROM pragma_table_info(?) WHERE pk > 0", "p_"+table); slices.Equal(key, []string{"id"}) {
			want = append(want, "id") // the rowid has no index of its own
		}
		for _, index := range all[string](t, db, `SELECT name FROM pragma_index_list(?) WHERE "unique"`, "p_"+table) {
			columns := all[string](t, db, "SELECT name FROM pragma_index_info(?) ORDER BY seqno", index)
			want = append(want, strings.Join(columns, ","))
			for _, sql := range all[string](t, db, "SELECT sql FROM sqlite_master WHERE name = ? AND sql IS NOT NULL", index) {
				if _, only, partial := strings.Cut(sql, " WHERE "); partial && only != columns[0]+" IS NOT NULL" {
					t.Errorf("%s holds for some rows only, which the memory store does not know: %s", index, sql)
				}
			}
		}
		var got []string
		for _, columns := range memoryUnique[table] {
			got = append(got, strings.Join(columns, ","))
		}
		slices.Sort(got)
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(got, want) {
			t.Errorf("table %s: the memory store keeps %v unique, the migrations %v", table, got, want)
		}
	}
	for table := range memoryUnique {
		if !slices.Contains(names, table) {
			t.Errorf("the memory store keeps rules for the table %s, which the migrations do not make", table)
		}
	}
}

func TestTheMemoryStoreHasTheReferencesOfTheMigrations(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	actions := map[string]memoryAction{"NO ACTION": restrict, "RESTRICT": restrict, "CASCADE": cascade, "SET NULL": setNull}
	var want, got []string
	for _, table := range tableNames(t, db) {
		type key struct{ From, Parent, Key, OnUpdate, OnDelete string }
		for _, k := range all[key](t, db, `SELECT "from", "table" AS parent, coalesce("to", 'id') AS "key", on_update, on_delete FROM pragma_foreign_key_list(?)`, "p_"+table) {
			gone, known := actions[k.OnDelete]
			if !known || k.OnUpdate != "NO ACTION" {
				t.Errorf("table %s: the memory store cannot do what happens at %+v", table, k)
			}
			want = append(want, fmt.Sprint(memoryReference{table, k.From, strings.TrimPrefix(k.Parent, "p_"), k.Key, gone}))
		}
	}
	for _, r := range memoryReferences {
		got = append(got, fmt.Sprint(r))
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) < 20 || !slices.Equal(got, want) {
		t.Errorf("the memory store has the references\n%s\nand the migrations\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What core's own row types say of tables and columns is what the migrations
// made, column by column.
func TestEveryRowTypeFitsItsTable(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	for _, row := range []any{
		&Person{}, &Department{}, &DepartmentAgent{}, &Ticket{}, &Reply{}, &ReplyEdit{}, &Tag{}, &TicketTag{}, &ticketWord{}, &blob{}, &Attachment{},
		&guestToken{}, &Setting{}, &pluginSwitch{}, &idempotencyKey{}, &pluginValue{}, &Event{}, &consumer{},
	} {
		tb := TableOf(row)
		type column struct {
			Name string
			Null bool
		}
		var got []column
		for _, c := range tb.Columns {
			got = append(got, column{c.Name, c.null})
		}
		want := all[column](t, db, `SELECT name, NOT ("notnull" OR pk > 0) AS "null" FROM pragma_table_info(?)`, "p_"+tb.Name)
		for _, list := range [][]column{got, want} {
			slices.SortFunc(list, func(a, b column) int { return strings.Compare(a.Name, b.Name) })
		}
		if !slices.Equal(got, want) {
			t.Errorf("%T has the columns %v, the table %s has %v", row, got, tb.Name, want)
		}
		if _, err := newGormStore(db, "p_").Count(context.Background(), row, Query{}); err != nil {
			t.Errorf("%T: %v", row, err)
		}
	}
}
