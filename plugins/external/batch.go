package external

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

const (
	maxBatch   = 64
	maxBytes   = 28 << 10              // of the events of a batch of more than one: for a message over 32 KiB, gRPC takes a buffer of a megabyte on both sides
	around     = 128                   // bytes of an event, about, beside its data
	maxFlights = 2                     // batches under way, for others to gather meanwhile
	tooSlow    = 50 * time.Millisecond // a batch that takes longer does not hold up the next
)

// batcher sends deliveries together: those that come while batches are under way
// make the next one. Each is answered on its own, so a slow one delays only itself.
type batcher struct {
	proc    *process
	flights chan struct{}

	mu      sync.Mutex
	waiting []*parcel
	running bool
}

// parcel is a delivery on its way.
type parcel struct {
	*protocol.Delivery

	limit  time.Duration
	done   chan error
	left   bool    // nobody waits for it
	flight *flight // nil: it waits
}

// flight is a batch under way, which is given up once nobody waits for any of it.
type flight struct {
	awaited int
	cancel  context.CancelFunc
}

func newBatcher(proc *process) *batcher {
	return &batcher{proc: proc, flights: make(chan struct{}, maxFlights)}
}

// send delivers and waits for the answer, but not longer than limit. It has a timer
// in place of a context of its own, which takes longer than all the rest here.
func (b *batcher) send(ctx context.Context, limit time.Duration, d *protocol.Delivery) error {
	p := &parcel{Delivery: d, limit: limit, done: make(chan error, 1)}
	defer b.leave(p)
	b.mu.Lock()
	b.waiting = append(b.waiting, p)
	start := !b.running
	b.running = true
	b.mu.Unlock()
	if start {
		go b.pump()
	}
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case err := <-p.done:
		return err
	case <-late.C:
		return status.FromContextError(context.DeadlineExceeded).Err()
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// leave notes that nobody waits for p any more.
func (b *batcher) leave(p *parcel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.left = true
	if p.flight == nil {
		return
	}
	if p.flight.awaited--; p.flight.awaited == 0 {
		p.flight.cancel()
	}
}

// pump sends batch after batch until nothing waits.
func (b *batcher) pump() {
	for {
		b.flights <- struct{}{}
		b.gather()
		batch := b.next()
		if batch == nil {
			<-b.flights
			return
		}
		go b.fly(batch)
	}
}

// gather lets those who are about to send come along.
func (b *batcher) gather() {
	for was, now := 0, 1; was < now && now < maxBatch; {
		runtime.Gosched()
		b.mu.Lock()
		was, now = now, len(b.waiting)
		b.mu.Unlock()
	}
}

// next takes what waits; nil ends the pump.
func (b *batcher) next() []*parcel {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = slices.DeleteFunc(b.waiting, func(p *parcel) bool { return p.left })
	n := min(len(b.waiting), maxBatch)
	if n == 0 {
		b.running = false
		return nil
	}
	size := 0
	for i, p := range b.waiting[:n] {
		if size += around + len(p.GetEvent().GetData()); size > maxBytes && i > 0 {
			n = i
			break
		}
	}
	batch := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	return batch
}

// fly sends one batch, and answers each of it.
func (b *batcher) fly(batch []*parcel) {
	land := sync.OnceFunc(func() { <-b.flights })
	defer land()
	timer := time.AfterFunc(tooSlow, land)
	defer timer.Stop()

	open := make(map[string]*parcel, len(batch))
	in := &protocol.Batch{}
	for _, p := range batch {
		open[p.GetId()] = p
		in.Deliveries = append(in.Deliveries, p.Delivery)
	}
	err := b.exchange(batch, in, open)
	for _, p := range open {
		p.done <- err
	}
}

// exchange sends, and takes from open what was answered; what is left failed.
func (b *batcher) exchange(batch []*parcel, in *protocol.Batch, open map[string]*parcel) error {
	ctx, cancel := b.depart(batch)
	defer cancel()
	stream, err := b.proc.Deliver(ctx, in)
	if err != nil {
		return err
	}
	for len(open) > 0 {
		results, err := stream.Recv()
		if err != nil {
			return status.Error(max(status.Code(err), codes.Canceled), "not delivered: "+err.Error())
		}
		for _, r := range results.GetResults() {
			p, known := open[r.GetId()]
			if !known {
				continue // answered twice, or never asked
			}
			delete(open, r.GetId())
			p.done <- failure(r.GetError())
		}
	}
	return nil
}

// depart is the context of a flight.
func (b *batcher) depart(batch []*parcel) (context.Context, context.CancelFunc) {
	var limit time.Duration
	for _, p := range batch {
		limit = max(limit, p.limit)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	f := &flight{cancel: cancel}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range batch {
		if p.flight = f; !p.left {
			f.awaited++
		}
	}
	if f.awaited == 0 {
		cancel()
	}
	return ctx, cancel
}

func failure(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}
