package external

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

const (
	maxBatch   = 64
	maxBytes   = 1 << 20               // of the events of a batch of more than one: a message has to fit
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

	ctx  context.Context //nolint:containedctx // of whoever waits for it
	done chan error
}

func newBatcher(proc *process) *batcher {
	return &batcher{proc: proc, flights: make(chan struct{}, maxFlights)}
}

// send delivers and waits for the answer.
func (b *batcher) send(ctx context.Context, d *protocol.Delivery) error {
	p := &parcel{Delivery: d, ctx: ctx, done: make(chan error, 1)}
	b.mu.Lock()
	b.waiting = append(b.waiting, p)
	start := !b.running
	b.running = true
	b.mu.Unlock()
	if start {
		go b.pump()
	}
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// pump sends batch after batch until nothing waits.
func (b *batcher) pump() {
	for {
		b.flights <- struct{}{}
		runtime.Gosched() // who is about to send comes along
		batch := b.next()
		if batch == nil {
			<-b.flights
			return
		}
		go b.fly(batch)
	}
}

// next takes what waits; nil ends the pump.
func (b *batcher) next() []*parcel {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.waiting), maxBatch)
	if n == 0 {
		b.running = false
		return nil
	}
	size := 0
	for i, p := range b.waiting[:n] {
		if size += len(p.GetEvent().GetData()); size > maxBytes && i > 0 {
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
	ctx, cancel := asLongAs(batch)
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

func failure(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// asLongAs is a context that ends once nobody waits for any of the batch.
func asLongAs(batch []*parcel) (context.Context, context.CancelFunc) {
	var last time.Time
	for _, p := range batch {
		if at, ok := p.ctx.Deadline(); ok && at.After(last) {
			last = at
		}
	}
	ctx, cancel := context.WithDeadline(context.Background(), last)
	var waiting atomic.Int64
	waiting.Store(int64(len(batch)))
	stops := make([]func() bool, len(batch))
	for i, p := range batch {
		stops[i] = context.AfterFunc(p.ctx, func() {
			if waiting.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}
