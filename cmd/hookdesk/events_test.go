package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// failing is a desk whose only handler fails, run until an event is parked.
func failing(t *testing.T, dsn string) {
	t.Helper()
	db, end, err := tables{Database: dsn}.open()
	if err != nil {
		t.Fatal(err)
	}
	desk, err := core.New(core.Config{DB: db, Plugins: []core.Plugin{core.Inline("toy", func(h core.Host) error {
		h.Hooks().Ticket.Create.After.Add(h, "fail", func(context.Context, hooks.Event[core.TicketCreated]) error {
			return errors.New("the other side is away")
		})
		return nil
	})}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- desk.Run(ctx) }()
	who, err := desk.ActorOf(ctx, core.Identity{UserID: "anna", Role: core.Admin})
	if err != nil {
		t.Fatal(err)
	}
	admin := core.As(ctx, who)
	for range 2 {
		if _, err := desk.Tickets.Create(admin, core.TicketDraft{Subject: "x", Body: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if parked, _, err := desk.Deliveries.Parked(admin, "", core.Page{}); err != nil || len(parked) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was parked")
		}
	}
	stop()
	if err := errors.Join(<-ended, desk.Close(), end()); err != nil {
		t.Fatal(err)
	}
}

func TestParkedEventsAreListedRetriedAndDropped(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			failing(t, dsn)
			events := func(args ...string) string {
				t.Helper()
				out, err := call(t, append(append([]string{"events"}, args...), "--database", dsn)...)
				if err != nil {
					t.Fatalf("%v: %v", args, err)
				}
				return out
			}
			list := events()
			ids := regexp.MustCompile(`(?m)^(\d+): event \d+ for toy\.fail@ticket\.created, attempt \d+ failed, the next is at `).FindAllStringSubmatch(list, -1)
			if len(ids) != 2 || !strings.Contains(list, "the other side is away") || !regexp.MustCompile(`core\.search@\* +(has seen all|is \d+ places behind)`).MatchString(list) {
				t.Fatal(list)
			}
			first, second := ids[0][1], ids[1][1]
			if out := events("retry", first); out != first+" is tried again as soon as a server runs\n" {
				t.Error(out)
			}
			if out := events("drop", second); out != second+" is dropped\n" {
				t.Error(out)
			}
			if list := events("list", "--handler", "toy.fail@ticket.created"); !strings.Contains(list, "\n"+first+": ") || strings.Contains(list, "\n"+second+": ") {
				t.Error(list)
			}
			if _, err := call(t, "events", "drop", second, "--database", dsn); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s: no parked event", second)) {
				t.Errorf("dropped twice: %v", err)
			}
		})
	}
}
