package desktest

import (
	"context"
	"testing"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// migrates is a toy with this migration.
func migrates(sql string) func() core.Plugin { return func() core.Plugin { return toy{sql: sql} } }

func TestMigrationsThatSpoilADatabase(t *testing.T) {
	t.Parallel()
	const up = "-- +goose Up\n"
	mustFail(t, map[string]broken{
		"down leaves a table": {check: "migrations", says: "down does not take back what up made:\n+ table exercise_toy_notes",
			plugin: migrates(up + "CREATE TABLE {{.Prefix}}toy_notes (id bigint);\n-- +goose Down\nSELECT 1;")},
		"down forgets its sequence": {check: "migrations", says: "+ sequence exercise_toy_numbers", db: Postgres,
			plugin: migrates(up + "{{if .Postgres}}CREATE SEQUENCE {{.Prefix}}toy_numbers;{{end}}\n-- +goose Down\nSELECT 1;")},
		"up fails where down has been": {check: "migrations", says: "up, after down", db: Postgres, plugin: migrates(up +
			"CREATE TABLE {{.Prefix}}toy_notes (id bigint); CREATE TYPE {{.Prefix}}toy_mood AS ENUM ('good');" + toyDown)},
		"a name without the plugin's": {check: "tables", says: "the table exercise_notes, which is not called exercise_toy_…",
			plugin: migrates(up + "CREATE TABLE {{.Prefix}}notes (id bigint);")},
		"a literal prefix": {check: "tables", says: "the table hookdesk_toy_notes, which is not called exercise_toy_…",
			plugin: migrates(up + "CREATE TABLE hookdesk_toy_notes (id bigint);")},
		"a literal index": {check: "tables", says: "the index notes_by_id is not called exercise_toy_…",
			plugin: migrates(up + "CREATE TABLE {{.Prefix}}toy_notes (id bigint); CREATE INDEX notes_by_id ON {{.Prefix}}toy_notes (id);")},
		"a column of core's": {check: "tables", says: "the migrations change or drop what belongs to others: table exercise_tickets",
			plugin: migrates(up + "ALTER TABLE {{.Prefix}}tickets ADD COLUMN mood text;")},
		"a column of core's on PostgreSQL": {check: "tables", says: "the migrations add to the table exercise_tickets", db: Postgres,
			plugin: migrates(up + "ALTER TABLE {{.Prefix}}tickets ADD COLUMN mood text;")},
		"an index of core's": {check: "tables", says: "the migrations change or drop what belongs to others: index exercise_queue_updated",
			plugin: migrates(up + "DROP INDEX {{.Prefix}}queue_updated;")},
		"rows of core's": {check: "tables", says: "the migrations write into tables of others:\n+ exercise_departments",
			plugin: migrates(up + "INSERT INTO {{.Prefix}}departments (name, slug, active, position) VALUES ('Toys', 'toys', true, 1);")},
		"a table made at the start": {check: "tables", says: "made by something else than the migrations:\n+ table hookdesk_toy_extras",
			plugin: does(func(h core.Host) {
				h.OnStart(func(ctx context.Context) error {
					return h.DB(ctx).Exec("CREATE TABLE " + h.Table("extras") + " (id bigint)").Error
				})
			})},
	})
}

func TestTablesThatKeepPurgedTickets(t *testing.T) {
	t.Parallel()
	keeps := func(column string) func() core.Plugin {
		return func() core.Plugin {
			sql := "-- +goose Up\nCREATE TABLE {{.Prefix}}toy_notes (id {{.ID}}, " + column + " bigint NOT NULL);" + toyDown
			return toy{sql: sql, register: func(h core.Host) error {
				h.Hooks().Reply.Add.Within.Add(h, "keep", func(_ context.Context, tx *gorm.DB, e *core.ReplyAdded) error {
					return tx.Exec("INSERT INTO "+h.Table("notes")+" ("+column+") VALUES (?)", e.Ticket.ID).Error
				})
				return nil
			}}
		}
	}
	mustFail(t, map[string]broken{
		"no foreign key":     {check: "purge", says: "hookdesk_toy_notes.ticket_id does not refer to hookdesk_tickets ON DELETE CASCADE", plugin: keeps("ticket_id")},
		"a row that is left": {check: "purge", says: "but the column ticket_id of a row in hookdesk_toy_notes still has it", plugin: keeps("ticket_id"), db: Postgres},
		"by any other name":  {check: "purge", says: "but the column concerns of a row in hookdesk_toy_notes still has it", plugin: keeps("concerns")},
		"a key that holds fast": {check: "purge", says: "FOREIGN KEY constraint failed", scenario: concern,
			plugin: migrates("-- +goose Up\nCREATE TABLE {{.Prefix}}toy_notes (concerns bigint REFERENCES {{.Prefix}}tickets (id));" + toyDown)},
	})
}

// concern writes a row that refers to the ticket.
func concern(t testing.TB, d *Desk, ticket core.Ticket) {
	if err := d.DB.Exec("INSERT INTO hookdesk_toy_notes (concerns) VALUES (?)", ticket.ID).Error; err != nil {
		t.Error(err)
	}
}
