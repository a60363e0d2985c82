package core_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

// until waits for what should happen by itself.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in 10 seconds not: %s", what)
		}
	}
}

// knock asks for a stream, and leaves it open.
func knock(ctx context.Context, client *http.Client, url string, who desktest.Who) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+desktest.Prefix+"/api/events", http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header = who.Header()
	r.Header.Set("Accept", "text/event-stream")
	return client.Do(r)
}

func TestStreamsAreLimited(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		limits core.StreamLimits
		whose  []desktest.Who // of the streams that are open; the first ends
		next   desktest.Who   // has to wait for that
	}{
		"of an identity": {core.StreamLimits{PerIdentity: 2}, []desktest.Who{desktest.Customer, desktest.Customer, desktest.Stranger}, desktest.Customer},
		"of an address":  {core.StreamLimits{PerAddress: 2}, []desktest.Who{desktest.Customer, desktest.Stranger}, desktest.Agent},
		"of the desk":    {core.StreamLimits{PerAddress: -1, PerDesk: 2}, []desktest.Who{desktest.Customer, desktest.Stranger}, desktest.Agent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := desktest.NewWith(t, desktest.SQLite, func(c *core.Config) { c.Streams = row.limits })
			server := httptest.NewServer(d.Handler)
			t.Cleanup(server.Close)
			open := []*browser{}
			for _, who := range row.whose {
				open = append(open, listen(t, server, who, ""))
			}
			answer := func() *http.Response {
				res, err := knock(t.Context(), server.Client(), server.URL, row.next)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = res.Body.Close() }) // the server may have ended it
				return res
			}
			if res := answer(); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
				t.Fatalf("one more: %s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
			}
			open[0].cancel()
			until(t, "a place is free", func() bool {
				d.Ticket(row.whose[0]) // what is written finds that nobody is there
				return core.OpenStreams(d.Desk) < len(row.whose)
			})
			if res := answer(); res.StatusCode != http.StatusOK {
				t.Errorf("in the free place: %s", res.Status)
			}
		})
	}
}

//nolint:paralleltest // it counts goroutines
func TestAFloodOfStreamsStaysOutside(t *testing.T) {
	attempts, limit := int64(10_000), int64(150)
	if testing.Short() {
		attempts = 1_000
	}
	d := desktest.NewWith(t, desktest.SQLite, func(c *core.Config) { c.Streams = core.StreamLimits{PerIdentity: -1, PerAddress: int(limit)} })
	server := httptest.NewServer(d.Handler)
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	goroutines, memory := runtime.NumGoroutine(), heap()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var opened, refused, asked atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for asked.Add(1) <= attempts {
				res, err := knock(ctx, client, server.URL, desktest.Customer)
				switch {
				case err != nil:
					t.Error(err)
				case res.StatusCode == http.StatusOK:
					opened.Add(1) // and it stays so until cancel
				case res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") != "":
					refused.Add(1)
					_ = res.Body.Close() // it was read to its status
				default:
					t.Errorf("%s", res.Status)
				}
			}
		})
	}
	slowest := time.Duration(0)
	for asked.Load() < attempts {
		begun := time.Now()
		d.Do(desktest.Agent, "GET /api/tickets", nil).Want(200)
		slowest = max(slowest, time.Since(begun))
		time.Sleep(10 * time.Millisecond)
	}
	wg.Wait()
	if opened.Load() != limit || refused.Load() != attempts-limit || int64(core.OpenStreams(d.Desk)) != limit {
		t.Errorf("%d open, %d refused, %d with a place", opened.Load(), refused.Load(), core.OpenStreams(d.Desk))
	}
	if slowest > 2*time.Second {
		t.Errorf("an agent waited for %v", slowest)
	}
	cancel()
	until(t, "all streams are gone", func() bool { d.Ticket(desktest.Customer); return core.OpenStreams(d.Desk) == 0 })
	until(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines+10 })
	if grown := heap() - memory; grown > 16<<20 {
		t.Errorf("%d bytes were kept", grown)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAReaderThatStallsIsCutAndComesBack(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite)
	server := httptest.NewUnstartedServer(d.Handler)
	server.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			_ = c.(*net.TCPConn).SetWriteBuffer(4096) // the system is to keep little for who does not read
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	ticket := d.Ticket(desktest.Agent)
	d.Settle()
	begin, err := d.Feed.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stalled, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stalled.Close() })
	if err := stalled.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(stalled, "GET %s/api/events HTTP/1.1\r\nHost: desk\r\nAccept: text/event-stream\r\n", desktest.Prefix)
	_ = desktest.Agent.Header().Write(stalled) // the answer tells
	_, _ = io.WriteString(stalled, "\r\n")
	until(t, "it listens", func() bool { return core.OpenStreams(d.Desk) == 1 })
	other := listen(t, server, desktest.Agent, "")
	var told []int64
	slowest := time.Duration(0)
	for range 30 {
		begun := time.Now()
		if _, err := d.Replies.Add(d.As(desktest.Agent), ticket.ID, core.ReplyDraft{Body: strings.Repeat("long ", 8000), Internal: true}); err != nil {
			t.Fatal(err)
		}
		told = append(told, other.itemOf("reply.added"))
		slowest = max(slowest, time.Since(begun))
	}
	if slowest > 2*time.Second {
		t.Errorf("another was told after %v", slowest)
	}
	until(t, "the one that stalls is cut", func() bool { return core.OpenStreams(d.Desk) == 1 })
	last, seen := readAll(stalled, begin)
	if len(seen) == len(told) {
		t.Fatal("it was told all before it was cut: this is no test")
	}
	back := listen(t, server, desktest.Agent, fmt.Sprint(last))
	for len(seen) < len(told) {
		seen = append(seen, back.itemOf("reply.added"))
	}
	if fmt.Sprint(seen) != fmt.Sprint(told) {
		t.Errorf("it was told of %v, another of %v", seen, told)
	}
}

// itemOf is the place of the next event of a type.
func (b *browser) itemOf(kind string) int64 {
	b.t.Helper()
	for {
		f := b.next()
		if f.event == "end" {
			b.t.Fatal("the stream has ended")
		}
		var id int64
		if strings.Contains(f.data, `"type":"`+kind+`"`) {
			_, _ = fmt.Sscan(f.id, &id) // 0 is wrong as well
			return id
		}
	}
}

// readAll reads whole frames to the end: the place of the last, and the replies.
func readAll(r io.Reader, begin int64) (last int64, replies []int64) {
	last = begin
	id, data := int64(0), ""
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return last, replies
		}
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "id: "):
			_, _ = fmt.Sscan(line[4:], &id) // as above
		case strings.HasPrefix(line, "data: "):
			data = line
		case line == "" && id > 0:
			if last = id; strings.Contains(data, `"type":"reply.added"`) {
				replies = append(replies, id)
			}
			id, data = 0, ""
		}
	}
}

func TestAStreamFollowsTheRightsOfWhoListens(t *testing.T) {
	t.Parallel()
	var demoted, gone atomic.Bool
	var asked atomic.Int64
	d := desktest.NewWith(t, desktest.SQLite, func(c *core.Config) {
		usual := c.Identify
		c.Identify = func(r *http.Request) (core.Identity, error) {
			asked.Add(1)
			id, err := usual(r)
			if gone.Load() {
				return core.Identity{}, nil
			}
			if demoted.Load() {
				id.Role = core.Requester
			}
			return id, err
		}
	})
	server := httptest.NewServer(d.Handler)
	t.Cleanup(server.Close)
	b := listen(t, server, desktest.Agent, "")
	d.Ticket(desktest.Customer)
	b.itemOf("ticket.created")
	core.RecheckStreams(d.Desk, time.Millisecond)
	demoted.Store(true)
	before := asked.Load()
	until(t, "it is asked twice who listens", func() bool { return asked.Load() >= before+2 })
	d.Ticket(desktest.Customer)
	gone.Store(true)
	for f := b.next(); f.event != "end"; f = b.next() {
		if f.data != "" {
			t.Errorf("who is no agent any more is told of %+v", f)
		}
	}
}

// A page that is loaded again and again leaves streams behind that nobody has
// ended; their places are not taken.
func TestReloadingAPageTakesNoPlaces(t *testing.T) {
	t.Parallel()
	d := desktest.NewWith(t, desktest.SQLite, func(c *core.Config) { c.Streams = core.StreamLimits{PerIdentity: 3} })
	server := httptest.NewServer(d.Handler)
	t.Cleanup(server.Close)
	for i := range 30 {
		ctx, leave := context.WithCancel(t.Context())
		res, err := knock(ctx, server.Client(), server.URL, desktest.Customer)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK {
			t.Fatalf("the load number %d: %s", i+1, res.Status)
		}
		leave()
		_ = res.Body.Close()             // it was given up
		time.Sleep(5 * time.Millisecond) // a person is slower
	}
}
