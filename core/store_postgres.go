package core

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"
)

// sequencedStore is the Store on PostgreSQL, where ids do not commit in order.
type sequencedStore struct{ *gormStore }

// Sequence implements Sequencer: it numbers the committed events. One
// statement, so that a process that dies leaves nothing half done; the primary
// key of event_seq decides between two that number at once.
func (s sequencedStore) Sequence(ctx context.Context) (n int, again bool, err error) {
	p := s.prefix
	var mine bool
	//nolint:unqueryvet // the prefix was checked
	err = s.db.Statement.ConnPool.QueryRowContext(ctx, `WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(hashtext('`+p+`event_seq')) AS ok),
fresh AS (DELETE FROM `+p+`event_pending WHERE (SELECT ok FROM mine) RETURNING event_id),
put AS (INSERT INTO `+p+`event_seq (seq, event_id)
	SELECT (SELECT coalesce(max(seq), 0) FROM `+p+`event_seq) + row_number() OVER (ORDER BY event_id), event_id FROM fresh RETURNING 1)
SELECT (SELECT count(*) FROM put), (SELECT ok FROM mine)`).Scan(&n, &mine)
	if err = s.translate(err); errors.Is(err, ErrDuplicate) {
		return 0, true, nil // another process was quicker
	}
	return n, !mine, err
}

func (s sequencedStore) channel() string { return s.prefix + "events" }

func (s sequencedStore) notify(ctx context.Context) error {
	_, err := s.db.Statement.ConnPool.ExecContext(ctx, "SELECT pg_notify($1, '')", s.channel())
	return err
}

// listen calls heard for each word of another process, or of this one. It holds
// a connection until ctx ends or the connection breaks.
func (s sequencedStore) listen(ctx context.Context, heard func()) error {
	pool, err := s.db.DB()
	if err != nil {
		return err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it goes back to the pool, or is broken
	return conn.Raw(func(driver any) error {
		pg, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("a connection of %T cannot listen", driver)
		}
		if _, err := pg.Conn().Exec(ctx, "LISTEN "+s.channel()); err != nil {
			return err
		}
		heard() // what was said before
		for {
			if _, err := pg.Conn().WaitForNotification(ctx); err != nil {
				return err
			}
			heard()
		}
	})
}
