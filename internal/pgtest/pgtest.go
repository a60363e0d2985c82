// Package pgtest gives each test a PostgreSQL database of its own.
//
// The server is the one named by HOOKDESK_TEST_POSTGRES_DSN or, without that, a
// private one started from the binaries of this machine on the first call. It
// listens on a socket only, keeps nothing and goes away with the test process,
// also when that is killed.
//
// A machine without PostgreSQL fails the tests instead of skipping them: a
// suite that is green because it did not look is worse than a red one.
//
// The package is not below desktest/internal because the tests of schema and
// core need it too, and Go lets only desktest import from there.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// EnvDSN names the environment variable that selects an existing server. Its
// role must be allowed to create databases.
const EnvDSN = "HOOKDESK_TEST_POSTGRES_DSN"

// namePrefix starts the name of every database that this package creates.
const namePrefix = "hookdesk_test_"

// staleAfter is the age from which a left-over database of a killed run is
// dropped from the server of EnvDSN.
const staleAfter = 6 * time.Hour

// cluster is the server of this process and the templates made in it.
type cluster struct {
	dsn  func() (string, error) // starts the server on the first call
	mu   sync.Mutex             // guards templates
	tpls map[string]*template
}

type template struct {
	once sync.Once
	name string
	err  error
}

// shared lives as long as the test process: a server per test would cost 0.6 s
// each.
var shared = &cluster{dsn: sync.OnceValues(connect), tpls: map[string]*template{}}

// New returns the DSN of an empty UTF-8 database that is dropped when t ends.
// Without a PostgreSQL it fails t and names the remedies.
func New(t testing.TB) string {
	t.Helper()
	return create(t, "template0 ENCODING 'UTF8'")
}

// FromTemplate returns the DSN of a copy of the database that prepare made. It
// runs once per process and key, gets the DSN of an empty database and must
// close its connections; a failure fails every test that asks for the key.
func FromTemplate(t testing.TB, key string, prepare func(dsn string) error) string {
	t.Helper()
	tpl := shared.template(key)
	tpl.once.Do(func() { tpl.name, tpl.err = shared.prepare(prepare) })
	if tpl.err != nil {
		t.Fatalf("pgtest: template %q: %v", key, tpl.err)
	}
	return create(t, tpl.name)
}

func create(t testing.TB, from string) string {
	t.Helper()
	dsn, drop, err := shared.create(from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return dsn
}

// Create is New for a program that is no test, such as one that measures; drop
// removes the database.
func Create() (dsn string, drop func() error, err error) {
	return shared.create("template0 ENCODING 'UTF8'")
}

func (c *cluster) create(from string) (dsn string, drop func() error, err error) {
	server, err := c.dsn()
	if err != nil {
		return "", nil, err
	}
	name := newName()
	if err := execute(server, "CREATE DATABASE "+name+" TEMPLATE "+from); err != nil {
		return "", nil, fmt.Errorf("pgtest: %w", err)
	}
	drop = func() error {
		if err := execute(server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("pgtest: %w", err)
		}
		return nil
	}
	return withDatabase(server, name), drop, nil
}

func (c *cluster) template(key string) *template {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tpls[key] == nil {
		c.tpls[key] = &template{}
	}
	return c.tpls[key]
}

func (c *cluster) prepare(prepare func(dsn string) error) (string, error) {
	dsn, err := c.dsn()
	if err != nil {
		return "", err
	}
	name := newName()
	if err := execute(dsn, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		return "", err
	}
	if err := prepare(withDatabase(dsn, name)); err != nil {
		return "", err
	}
	// A template that somebody is connected to cannot be copied.
	return name, execute(dsn, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
}

// connect finds or starts the server and returns a DSN for its maintenance
// database.
func connect() (string, error) {
	if dsn := os.Getenv(EnvDSN); dsn != "" {
		if err := sweepDatabases(dsn); err != nil {
			return "", fmt.Errorf("pgtest: the server of %s: %w", EnvDSN, err)
		}
		return dsn, nil
	}
	return start()
}

// newName makes a name that no other process uses and that tells its age.
func newName() string {
	var b [6]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return namePrefix + strconv.FormatInt(time.Now().Unix(), 36) + "_" + hex.EncodeToString(b[:])
}

// sweepDatabases drops what killed test processes left on a server that
// outlives them.
func sweepDatabases(dsn string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", namePrefix)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		stamp, _, _ := strings.Cut(strings.TrimPrefix(name, namePrefix), "_")
		made, err := strconv.ParseInt(stamp, 36, 64)
		if err != nil || time.Since(time.Unix(made, 0)) < staleAfter {
			continue
		}
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	return nil
}

func execute(dsn string, statements ...string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// withDatabase returns dsn, a URL or a list of key=value, for another database.
func withDatabase(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return dsn + " dbname=" + name // the last one counts
	}
	q := u.Query()
	q.Del("dbname")
	u.Path, u.RawQuery = "/"+name, q.Encode()
	return u.String()
}
