package desktest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"
)

// tables lists the tables whose name starts so.
func (d *Desk) tables(start string) []string {
	d.t.Helper()
	var names []string
	q := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if d.DB.Name() == "postgres" {
		q = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
	}
	if err := d.DB.Raw(q).Scan(&names).Error; err != nil {
		d.t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, start) })
	slices.Sort(names)
	return names
}

// own are the tables of one plugin, without the list of its migrations.
func (d *Desk) own(plugin string) []string {
	start := d.Config.TablePrefix + plugin + "_"
	return slices.DeleteFunc(d.tables(start), func(n string) bool { return n == start+"migrations" })
}

// dump is every row of the tables of one plugin, a line each.
func (d *Desk) dump(plugin string) []string {
	d.t.Helper()
	return d.rows(d.own(plugin)...)
}

// dumpBut is every row but those of one table.
func (d *Desk) dumpBut(table string) []string {
	d.t.Helper()
	return d.rows(slices.DeleteFunc(d.tables(""), func(n string) bool { return n == table })...)
}

// rows is every row of these tables, a line each. Ids that the database made say
// nothing and are left out.
func (d *Desk) rows(tables ...string) []string {
	d.t.Helper()
	var lines []string
	for _, name := range tables {
		rows, err := rowsOf(d.DB, name)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, row := range rows {
			if len(row) > 1 {
				delete(row, "id")
			}
			lines = append(lines, name+" "+show(row))
		}
	}
	slices.Sort(lines)
	return lines
}

func rowsOf(db *gorm.DB, table string) (rows []map[string]any, err error) {
	return rows, db.Table(table).Find(&rows).Error
}

func show(row map[string]any) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(row)) {
		v := row[name]
		if text, ok := v.([]byte); ok && utf8.Valid(text) {
			v = string(text)
		}
		out = append(out, fmt.Sprintf("%s=%v", name, v))
	}
	return strings.Join(out, " ")
}

// object is a part of a database's schema.
type object struct{ Kind, Name, Tbl, Def string }

func (o object) String() string { return o.Kind + " " + o.Name + " of " + o.Tbl + ": " + o.Def }

const sqliteObjects = `SELECT type AS kind, name, tbl_name AS tbl, coalesce(sql, '') AS def
	FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'`

const postgresObjects = `
	SELECT 'column' AS kind, column_name AS name, table_name AS tbl,
		data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS def
		FROM information_schema.columns WHERE table_schema = current_schema()
	UNION ALL SELECT 'index', indexname, tablename, indexdef FROM pg_indexes WHERE schemaname = current_schema()
	UNION ALL SELECT 'constraint', conname, conrelid::regclass::text, pg_get_constraintdef(oid)
		FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND conrelid <> 0
	UNION ALL SELECT 'trigger', tgname, tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
	UNION ALL SELECT 'function', proname AS name, proname AS tbl, pg_get_functiondef(oid)
		FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prokind IN ('f', 'p')
	UNION ALL SELECT 'sequence', sequencename AS name, sequencename AS tbl, data_type::text FROM pg_sequences WHERE schemaname = current_schema()
	UNION ALL SELECT 'type', typname AS name, typname AS tbl, typtype::text
		FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typtype IN ('d', 'e')`

// objects is the schema of a database.
func objects(db *gorm.DB) (all []object, err error) {
	q := sqliteObjects
	if db.Name() == "postgres" {
		q = postgresObjects
	}
	return all, db.Raw(q).Scan(&all).Error
}
