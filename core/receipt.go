package core

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/hookdesk/hookdesk/rest"
)

// keepAnswers is how long the answer to an idempotency key is kept.
const keepAnswers = 24 * time.Hour

// idempotencyKey is a request that was carried out: its row is written in the
// transaction of the change, its answer right after.
type idempotencyKey struct {
	Caller    string
	Key       string
	Route     string
	Digest    string
	Status    int
	Etag      string
	Answer    string
	EventID   int64
	ExpiresAt Time
}

// receipts implements rest.Receipts.
type receipts struct{ d *Desk }

type receiptKey struct{}

// receipt travels with the request; done is set once its row is written.
type receipt struct {
	row  idempotencyKey
	done bool
}

// Begin implements rest.Receipts.
func (r receipts) Begin(ctx context.Context, who rest.Caller, key, route string, digest [32]byte) (context.Context, *rest.Answer, error) {
	a, ok := who.(Actor)
	if !ok {
		return ctx, nil, nil
	}
	row := idempotencyKey{
		Caller: a.key() + ":" + a.Kind.String(), Key: key, Route: route, Digest: hex.EncodeToString(digest[:]), ExpiresAt: TimeOf(r.d.Now().Add(keepAnswers)),
	}
	old, found, err := first[idempotencyKey](ctx, r.d.store, Query{Where: row.itself()})
	switch {
	case err != nil:
		return ctx, nil, err
	case found && old.ExpiresAt.Before(r.d.Now()):
		if _, err := r.d.store.Delete(ctx, &row, append(row.itself(), Is("expires_at", old.ExpiresAt))...); err != nil {
			return ctx, nil, err
		}
	case found && (old.Route != row.Route || old.Digest != row.Digest):
		return ctx, nil, InvalidField("Idempotency-Key", "the key was used for another request")
	case found && old.Status == 0:
		return context.WithValue(ctx, receiptKey{}, &receipt{row: old, done: true}), nil, rest.ErrLostAnswer
	case found:
		return ctx, &rest.Answer{Status: old.Status, ETag: old.Etag, Body: []byte(old.Answer)}, nil
	}
	return context.WithValue(ctx, receiptKey{}, &receipt{row: row}), nil, nil
}

func (k idempotencyKey) itself() []Cond { return []Cond{Is("caller", k.Caller), Is("key", k.Key)} }

// Finish implements rest.Receipts.
func (r receipts) Finish(ctx context.Context, answer rest.Answer) error {
	kept, ok := ctx.Value(receiptKey{}).(*receipt)
	if !ok {
		return nil
	}
	ctx = context.WithoutCancel(ctx) // what was done is to be known, also when the caller has gone
	if !kept.done {
		if err := r.d.store.Insert(ctx, &kept.row); err != nil {
			return duplicateRequest(err)
		}
	}
	_, err := update[idempotencyKey](ctx, r.d.store, []Assign{
		Set("status", answer.Status), Set("etag", answer.ETag), Set("answer", string(answer.Body)),
	}, kept.row.itself()...)
	return err
}

// keepReceipt writes the key of the request, in the transaction of its change.
func (d *Desk) keepReceipt(ctx context.Context) error {
	kept, ok := ctx.Value(receiptKey{}).(*receipt)
	if !ok || kept.done {
		return nil
	}
	if err := d.store.Insert(ctx, &kept.row); err != nil {
		return duplicateRequest(err)
	}
	kept.done = true
	return nil
}

func duplicateRequest(err error) error {
	if errors.Is(err, ErrDuplicate) {
		return Errorf(Conflict, "a request with this Idempotency-Key is at work: try again")
	}
	return err
}

// noteReceipt remembers which event the request caused.
func noteReceipt(ctx context.Context, event int64) {
	if kept, ok := ctx.Value(receiptKey{}).(*receipt); ok && !kept.done {
		kept.row.EventID = event
	}
}

// LostEvent is the event of a request that was carried out before a crash kept
// its answer from being stored. A route's rest.Again builds the answer from it.
func (d *Desk) LostEvent(ctx context.Context) (Event, error) {
	kept, ok := ctx.Value(receiptKey{}).(*receipt)
	if !ok {
		return Event{}, Errorf(NotFound, "no answer was lost")
	}
	return byID[Event](ctx, d.store, "event", kept.row.EventID)
}

func (r receipts) expire(ctx context.Context) error {
	_, err := r.d.store.Delete(ctx, &idempotencyKey{}, Where("expires_at", Less, r.d.now()))
	return err
}
