package external

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// Events that may be of half a megabyte each must not make a message that is
// refused, and all of them with it.
func TestABatchFitsIntoAMessage(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		sizes []int
		want  []int // events of each batch
	}{
		"small ones":             {[]int{1, 1, 1}, []int{3}},
		"more than a batch":      {make([]int, maxBatch+1), []int{maxBatch, 1}},
		"large ones":             {[]int{maxBytes / 2, maxBytes / 2, around, maxBytes - around, around}, []int{2, 2, 1}},
		"one that is over alone": {[]int{2 * maxBytes, 1, 2 * maxBytes}, []int{1, 1, 1}},
	} {
		b := newBatcher(nil)
		for _, size := range row.sizes {
			b.waiting = append(b.waiting, &parcel{Delivery: &protocol.Delivery{Event: &protocol.Event{Data: make([]byte, max(0, size-around))}}})
		}
		for _, want := range row.want {
			if got := len(b.next()); got != want {
				t.Errorf("%s: a batch of %d, want %d", name, got, want)
			}
		}
		if b.next() != nil {
			t.Errorf("%s: more is left", name)
		}
	}
}

// hanging is a plugin that is busy with its batches until they are given up, but for
// the delivery "quick", which it answers.
type hanging struct {
	protocol.UnimplementedPluginServer

	began, ended chan int
}

func (h hanging) Deliver(in *protocol.Batch, out grpc.ServerStreamingServer[protocol.Results]) error {
	h.began <- len(in.GetDeliveries())
	for _, d := range in.GetDeliveries() {
		if d.GetId() == "quick" {
			if err := out.Send(&protocol.Results{Results: []*protocol.Result{{Id: "quick"}}}); err != nil {
				return err
			}
		}
	}
	<-out.Context().Done()
	h.ended <- len(in.GetDeliveries())
	return nil
}

func startHanging(t *testing.T) (hanging, *batcher) {
	t.Helper()
	h := hanging{began: make(chan int, 8), ended: make(chan int, 8)}
	dir, err := os.MkdirTemp("", "x") //nolint:usetesting // whose names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	protocol.RegisterPluginServer(server, h)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return h, newBatcher(&process{PluginClient: protocol.NewPluginClient(conn)})
}

func within[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(5 * time.Second):
		t.Fatal("nothing came")
	}
	return v
}

// As long as somebody waits, the batch goes on; then it is given up, long before its
// deadline.
func TestABatchIsGivenUpWithTheLastWhoWaits(t *testing.T) {
	t.Parallel()
	h, b := startHanging(t)
	first, leave := context.WithCancel(t.Context())
	second, leaveToo := context.WithCancel(t.Context())
	t.Cleanup(leaveToo)
	answers := make(chan error, 3)
	b.running = true // until all wait
	for id, ctx := range map[string]context.Context{"1": first, "2": second, "quick": t.Context()} {
		go func() { answers <- b.send(ctx, time.Hour, &protocol.Delivery{Id: id}) }()
	}
	for waiting := 0; waiting < 3; {
		b.mu.Lock()
		waiting = len(b.waiting)
		b.mu.Unlock()
		runtime.Gosched()
	}
	go b.pump()
	if n := within(t, h.began); n != 3 {
		t.Fatalf("a batch of %d", n)
	}
	if err := within(t, answers); err != nil {
		t.Errorf("what was answered is told %v", err)
	}
	leave()
	if err := within(t, answers); status.Code(err) != codes.Canceled {
		t.Errorf("who left is told %v", err)
	}
	select {
	case <-h.ended:
		t.Error("the batch was given up while somebody waited")
	case <-time.After(100 * time.Millisecond):
	}
	leaveToo()
	within(t, h.ended)
}

func TestADeliveryKeepsToItsLimit(t *testing.T) {
	t.Parallel()
	h, b := startHanging(t)
	err := b.send(t.Context(), 50*time.Millisecond, &protocol.Delivery{Id: "1"})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("it is told %v", err)
	}
	within(t, h.ended)
}

// Both flights are taken when two want to go. The one waits until it is too late for
// it, and is not sent any more; the other is.
func TestWhatIsTooLateIsNotSent(t *testing.T) {
	t.Parallel()
	h, b := startHanging(t)
	for range maxFlights {
		b.flights <- struct{}{}
	}
	go func() { _ = b.send(t.Context(), time.Hour, &protocol.Delivery{Id: "1"}) }()
	if err := b.send(t.Context(), 50*time.Millisecond, &protocol.Delivery{Id: "2"}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("it is told %v", err)
	}
	for range maxFlights {
		<-b.flights
	}
	if n := within(t, h.began); n != 1 {
		t.Errorf("%d were sent", n)
	}
}
