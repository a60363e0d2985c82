package external_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/external"
)

// heavy answers with more than can cross.
type heavy struct{}

func (heavy) Manifest() core.Manifest {
	return core.Manifest{ID: "heavy", Name: "Heavy", Version: "1.0.0", Doc: "Answers too much."}
}

func (heavy) Register(h core.Host) error {
	h.Hooks().Ticket.Create.Before.Add(h, "inflate", func(_ context.Context, t *core.TicketDraft) error {
		if t.Subject == "huge" {
			t.Body = strings.Repeat("x", 5<<20)
		}
		return nil
	})
	return nil
}

func TestWhatIsTooLargeToCross(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, as(t, "heavy", external.Deadlines(5*time.Second, 0, 0)))
	d.AllowErrors()
	before := process(d)
	if no := opened(d, "huge").Want(503); !strings.Contains(string(no.Body), "unavailable") {
		t.Errorf("%s", no)
	}
	if after := process(d); after.PID != before.PID {
		t.Errorf("it took the process with it: %+v", after)
	}
}
