package core

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// The limits of a pool of Open. A connection is replaced now and then so that
// load spreads after a failover.
const (
	postgresMaxOpen     = 20
	postgresMaxIdle     = 10
	postgresMaxIdleTime = 5 * time.Minute
	postgresMaxLifetime = 30 * time.Minute
)

// postgresMinVersion is the oldest that a desk runs on, as server_version_num.
const postgresMinVersion = 130000

func openPostgres(dsn string) (*gorm.DB, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: the PostgreSQL DSN is not valid%s", withoutDSN(err))
	}
	setDefault(cfg.RuntimeParams, "application_name", "hookdesk")
	setDefault(cfg.RuntimeParams, "idle_in_transaction_session_timeout", "60000") // milliseconds
	setDefault(cfg.RuntimeParams, "random_page_cost", "1.1")                      // no disk turns any more: walk an index rather than sort
	cfg.RuntimeParams["timezone"] = "UTC"

	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(postgresMaxOpen)
	pool.SetMaxIdleConns(postgresMaxIdle)
	pool.SetConnMaxIdleTime(postgresMaxIdleTime)
	pool.SetConnMaxLifetime(postgresMaxLifetime)
	db, err := gormPostgres(pool)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), pool.Close())
	}
	return db, nil
}

// withoutDSN is the reason of a parse error, if it can be told without the DSN.
// pgx blanks the password where it finds it, which it cannot in a DSN that it
// does not understand, and the cause of such an error repeats the whole DSN.
func withoutDSN(err error) string {
	cause := errors.Unwrap(err)
	var inURL *url.Error
	if cause == nil || errors.As(err, &inURL) {
		return "; it must be postgres://user:password@host:5432/name, with %-escapes, or host=… user=… dbname=…"
	}
	return ": " + cause.Error()
}

func setDefault(m map[string]string, key, value string) {
	if _, ok := m[key]; !ok {
		m[key] = value
	}
}

func gormPostgres(pool gorm.ConnPool) (*gorm.DB, error) {
	return gorm.Open(postgres.New(postgres.Config{Conn: pool}), gormConfig())
}

// adoptPostgres uses the host's pool with our settings of GORM.
func adoptPostgres(db *gorm.DB) (*gorm.DB, error) {
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	adopted, err := gormPostgres(pool)
	if err != nil {
		return nil, err
	}
	var version int
	var encoding string
	err = pool.QueryRowContext(context.Background(), `SELECT current_setting('server_version_num')::int, pg_encoding_to_char(encoding)
		FROM pg_database WHERE datname = current_database()`).Scan(&version, &encoding)
	if err != nil {
		return nil, err
	}
	return adopted, checkPostgres(version, encoding)
}

func checkPostgres(version int, encoding string) error {
	if version < postgresMinVersion {
		return fmt.Errorf("PostgreSQL %d is too old, a desk needs %d or newer", version/10000, postgresMinVersion/10000)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s, a desk needs UTF8 (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)", encoding)
	}
	return nil
}
