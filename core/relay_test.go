package core_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
)

// TestAHandlerThatWasAwayForAMomentHearsTheRest switches a plugin off and on so
// fast that the relay may see no difference.
func TestAHandlerThatWasAwayForAMomentHearsTheRest(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var heard atomic.Int64
		d := desktest.New(t, db, core.Inline("ear", func(h core.Host) error {
			h.Hooks().Ticket.Create.After.Add(h, "hear", func(context.Context, hooks.Event[core.TicketCreated]) error {
				heard.Add(1)
				return nil
			})
			return nil
		}))
		for i := range int64(10) {
			for _, on := range []bool{false, true} {
				if _, err := d.Plugins.Switch(d.As(desktest.Admin), "ear", on); err != nil {
					t.Fatal(err)
				}
			}
			d.Ticket(desktest.Customer)
			d.Settle()
			if got := heard.Load(); got != i+1 {
				t.Fatal(fmt.Sprint(got, " of ", i+1, " tickets were heard of"))
			}
		}
	})
}
