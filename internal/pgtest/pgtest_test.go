//go:build unix

package pgtest

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// childEnv makes the test binary print the DSN of a server it started and wait
// to be killed.
const childEnv = "PGTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	dsn, err := start()
	if err != nil {
		dsn = err.Error()
	}
	os.Stdout.WriteString(dsn + "\n")
	select {}
}

func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var got string
	if err := conn.QueryRow(ctx, sql).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEachTestHasItsOwnEmptyDatabase(t *testing.T) {
	a, b := New(t), New(t)
	if a == b {
		t.Fatalf("both databases are %s", a)
	}
	if err := execute(a, "CREATE TABLE x (id int)"); err != nil {
		t.Fatal(err)
	}
	const count = "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"
	if got := query(t, b, count); got != "0" {
		t.Errorf("the second database has %s tables", got)
	}
	if got := query(t, a, "SHOW server_encoding"); got != "UTF8" {
		t.Errorf("encoding %s", got)
	}
	if got := query(t, a, "SELECT lower('É')"); got != "é" {
		t.Errorf("lower('É') = %s", got)
	}
}

func TestADatabaseIsDroppedWithItsTestThoughSomebodyIsConnected(t *testing.T) {
	var dsn string
	t.Run("owner", func(t *testing.T) {
		dsn = New(t)
		conn, err := pgx.Connect(context.Background(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) }) // runs first, but the server may not know yet
	})
	if conn, err := pgx.Connect(context.Background(), dsn); err == nil {
		_ = conn.Close(context.Background()) // the test has failed already
		t.Error("the database still exists")
	}
}

func TestATemplateIsPreparedOnceForAllItsCopies(t *testing.T) {
	var prepared atomic.Int32
	prepare := func(dsn string) error {
		prepared.Add(1)
		return execute(dsn, "CREATE TABLE x (id int)", "INSERT INTO x VALUES (7)")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			dsn := FromTemplate(t, "seven", prepare)
			if got := query(t, dsn, "SELECT id::text FROM x"); got != "7" {
				t.Errorf("the copy holds %s", got)
			}
		})
	}
	wg.Wait()
	if n := prepared.Load(); n != 1 {
		t.Errorf("prepared %d times", n)
	}
}

func TestAKilledTestProcessLeavesNoServerAndNoDirectory(t *testing.T) {
	if os.Getenv(EnvDSN) != "" {
		t.Skip("the server is not ours: " + EnvDSN)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dsn, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pgx.ParseConfig(strings.TrimSpace(dsn))
	if err != nil {
		t.Fatalf("%s: %v", dsn, err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Host, "data", "postmaster.pid")); err != nil {
		t.Fatalf("the server does not run: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(cfg.Host); errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", cfg.Host)
		}
	}
}

func TestTheDatabaseOfADSNIsReplaced(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://u:p@h:1/a?sslmode=disable":  "postgres://u:p@h:1/x?sslmode=disable",
		"postgresql:///?dbname=a&host=%2Fs":     "postgresql:///x?host=%2Fs",
		"host=h user=u password='p q' dbname=a": "host=h user=u password='p q' dbname=a dbname=x",
	} {
		got := withDatabase(dsn, "x")
		if got != want {
			t.Errorf("withDatabase(%q) = %q, want %q", dsn, got, want)
		}
		if cfg, err := pgx.ParseConfig(got); err != nil || cfg.Database != "x" {
			t.Errorf("pgx reads %q as database %q, %v", got, cfg.Database, err)
		}
	}
}

func TestNoPostgreSQLNamesBothRemedies(t *testing.T) {
	for _, want := range []string{EnvDSN, "install"} {
		if !strings.Contains(errNone.Error(), want) {
			t.Errorf("%q does not say %q", errNone, want)
		}
	}
}
