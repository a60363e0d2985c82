// Package schema brings a database to the tables that a program expects. It
// runs the SQL of the core and of each plugin, the owners, and knows nothing of
// what the tables mean.
//
// A migration is a file NNNN_name.sql of goose, with "-- +goose Up" and
// "-- +goose Down", rendered by text/template first, so that one text serves
// both databases and every table prefix:
//
//	{{.Prefix}}        before the name of every table and index
//	{{.ID}}            the type of an id made by the database
//	{{.Postgres}}      true on PostgreSQL, false on SQLite
//	{{.Concurrently}}  CONCURRENTLY on PostgreSQL, nothing on SQLite
//	{{.Owner}}         the owner's id
//
// A file runs in one transaction with the record that it ran. An index on a
// table that is in use needs a file of its own, which begins with
//
//	-- +goose NO TRANSACTION
//	-- +goose Up
//	CREATE INDEX {{.Concurrently}} IF NOT EXISTS {{.Prefix}}x_y ON {{.Prefix}}x (y);
//
// so that PostgreSQL builds it beside the writers. Such a file may be stopped
// half way and run again, hence IF NOT EXISTS, which New insists on.
//
// Replicas and processes that start at the same time wait for each other, and a
// run that was killed is finished by the next one. A database that a newer
// program has migrated is left alone, so that old and new replicas run side by
// side; a migration must therefore not take away what the version before uses.
package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"gorm.io/gorm"
)

// Owner is the core or a plugin: whoever has tables.
type Owner struct {
	// ID names the version table <prefix><id>_migrations; it must match
	// [a-z][a-z0-9_]{0,30}.
	ID string
	// Migrations holds the files at its root or in a folder "migrations", the
	// way go:embed leaves them.
	Migrations fs.FS
}

// Status is how far an owner's tables are.
type Status struct {
	Owner   string
	Version int64    // of the database; 0 before the first migration
	Known   int64    // the newest that this program has; less than Version beside a newer program
	Pending []string // files that the next Up runs
}

// Migrator migrates one desk: one database and one table prefix.
type Migrator struct {
	db       *sql.DB
	dialect  database.Dialect
	prefix   string
	owners   []owner
	log      *slog.Logger
	lockFile string // of SQLite, as a DSN
}

type owner struct {
	id    string
	files fs.FS
	store database.Store
}

// maxIdentifier is what PostgreSQL keeps of a name.
const maxIdentifier = 63

var (
	prefixForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,30}$`)
	ownerForm  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)
)

// New checks and renders every migration; it does not migrate. Up runs the
// owners in the order given, so an owner stands after those whose tables it
// refers to. New fails for a prefix or an id that is not a plain name, for an
// owner given twice or without a migration, and for a file that is not a
// template of the keys above.
//
// A host's own SQLite database should be adopted by the core first: SQLite
// locks differ with the DSN.
func New(db *gorm.DB, prefix string, owners ...Owner) (*Migrator, error) {
	if !prefixForm.MatchString(prefix) {
		return nil, fmt.Errorf("schema: the table prefix %q must match %s", prefix, prefixForm)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	m := &Migrator{db: pool, prefix: prefix, log: slog.New(slog.DiscardHandler)}
	switch name := db.Name(); name {
	case "postgres":
		m.dialect = database.DialectPostgres
	case "sqlite":
		m.dialect = database.DialectSQLite3
		if m.lockFile, err = lockFile(pool); err != nil {
			return nil, fmt.Errorf("schema: %w", err)
		}
	default:
		return nil, fmt.Errorf("schema: no migrations for %s", name)
	}
	for _, o := range owners {
		if err := m.add(o); err != nil {
			return nil, fmt.Errorf("schema: owner %q: %w", o.ID, err)
		}
	}
	return m, nil
}

func (m *Migrator) add(o Owner) error {
	if !ownerForm.MatchString(o.ID) {
		return fmt.Errorf("the id must match %s", ownerForm)
	}
	if _, err := m.owner(o.ID); err == nil {
		return errors.New("it is given twice")
	}
	table := m.prefix + o.ID + "_migrations"
	if len(table) > maxIdentifier {
		return fmt.Errorf("the name %s has more than %d characters", table, maxIdentifier)
	}
	store, err := database.NewStore(m.dialect, table)
	if err != nil {
		return err
	}
	files, err := render(o.Migrations, keys(m.prefix, o.ID, m.dialect == database.DialectPostgres))
	if err != nil {
		return err
	}
	m.owners = append(m.owners, owner{id: o.ID, files: files, store: store})
	return nil
}

// WithLogger returns a Migrator that reports to log what it applied, whom it
// waits for, and a database that is newer than the program. Without it nothing
// is logged.
func (m *Migrator) WithLogger(log *slog.Logger) *Migrator {
	c := *m
	c.log = log
	return &c
}

// Up applies what is pending, owner by owner. Where nothing is, it neither
// waits for another process nor writes.
func (m *Migrator) Up(ctx context.Context) error {
	for _, o := range m.owners {
		if err := m.up(ctx, o); err != nil {
			return fmt.Errorf("schema: migrate %s: %w", o.id, err)
		}
	}
	return nil
}

func (m *Migrator) up(ctx context.Context, o owner) error {
	if err := m.ensureTable(ctx, o); err != nil {
		return err
	}
	p, err := m.provider(o)
	if err != nil {
		return err
	}
	applied, err := p.Up(ctx)
	if err != nil {
		return named(err)
	}
	for _, a := range applied {
		m.log.InfoContext(ctx, "migrated", "owner", o.id, "file", a.Source.Path, "took", a.Duration)
	}
	current, known, err := p.GetVersions(ctx)
	if current > known {
		m.log.WarnContext(ctx, "the database was migrated by a newer program", "owner", o.id, "version", current, "known", known)
	}
	return err
}

// Down takes back every migration of an owner, last first, and forgets that
// they ever ran: for a plugin that is removed for good. It fails without a
// change if the database was migrated by a newer program, and where other
// owners' tables refer to these.
func (m *Migrator) Down(ctx context.Context, ownerID string) error {
	o, err := m.owner(ownerID)
	if err != nil {
		return err
	}
	if err := m.down(ctx, o); err != nil {
		return fmt.Errorf("schema: take back %s: %w", o.id, err)
	}
	return nil
}

func (m *Migrator) down(ctx context.Context, o owner) error {
	if err := m.ensureTable(ctx, o); err != nil {
		return err
	}
	p, err := m.provider(o)
	if err != nil {
		return err
	}
	current, known, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > known {
		return fmt.Errorf("the database is at version %d, this program knows %d: only the newer program can", current, known)
	}
	if _, err := p.DownTo(ctx, 0); err != nil {
		return named(err)
	}
	return m.locked(ctx, func(conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, "DROP TABLE IF EXISTS "+o.store.Tablename()) //nolint:unqueryvet // a checked name
		return err
	})
}

// named says in which file it was.
func named(err error) error {
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		return fmt.Errorf("%s: %w", partial.Failed.Source.Path, err)
	}
	return err
}

// Status tells how far each owner is. It changes nothing.
func (m *Migrator) Status(ctx context.Context) ([]Status, error) {
	all := make([]Status, 0, len(m.owners))
	for _, o := range m.owners {
		s, err := m.status(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("schema: status of %s: %w", o.id, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (m *Migrator) status(ctx context.Context, o owner) (Status, error) {
	s := Status{Owner: o.id}
	applied := map[int64]bool{}
	exists, err := m.tableExists(ctx, m.db, o.store.Tablename())
	if err != nil {
		return s, err
	}
	if exists {
		rows, err := o.store.ListMigrations(ctx, m.db)
		if err != nil {
			return s, err
		}
		for _, r := range rows {
			applied[r.Version] = true
			s.Version = max(s.Version, r.Version)
		}
	}
	p, err := m.provider(o)
	if err != nil {
		return s, err
	}
	for _, source := range p.ListSources() {
		s.Known = max(s.Known, source.Version)
		if !applied[source.Version] {
			s.Pending = append(s.Pending, source.Path)
		}
	}
	return s, nil
}

func (m *Migrator) owner(id string) (owner, error) {
	for _, o := range m.owners {
		if o.id == id {
			return o, nil
		}
	}
	return owner{}, fmt.Errorf("schema: unknown owner %q", id)
}

// provider is goose for one owner and one run.
func (m *Migrator) provider(o owner) (*goose.Provider, error) {
	return goose.NewProvider("", m.db, o.files, goose.WithStore(o.store),
		goose.WithSessionLocker(m.locker()), goose.WithDisableGlobalRegistry(true))
}
