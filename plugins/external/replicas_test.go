package external_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
)

// counter keeps how often it was told of each ticket, and by which of its processes.
type counter struct{ host core.Host }

func (*counter) Manifest() core.Manifest {
	return core.Manifest{ID: "counter", Name: "Counter", Version: "1.0.0", Doc: "Counts what it hears."}
}

func (c *counter) Register(h core.Host) error {
	c.host = h
	h.Hooks().Ticket.Create.After.Add(h, "count", func(ctx context.Context, e hooks.Event[core.TicketCreated]) error {
		key := fmt.Sprint("told-", e.Data.Ticket.ID)
		was, err := h.KV().Get(ctx, key)
		if err != nil && core.KindOf(err) != core.NotFound {
			return err
		}
		var times int
		if was.Version > 0 {
			if err := json.Unmarshal(was.Value, &times); err != nil {
				return err
			}
		}
		_, err = h.KV().Put(ctx, core.Value{Key: key, Value: fmt.Append(nil, times+1), Version: was.Version})
		return err
	})
	h.Handle("GET /api/counter/{ticket}", core.Admins, core.JSON(func(ctx context.Context, in struct {
		Ticket int64 `path:"ticket"`
	}) (core.Value, error) {
		return h.KV().Get(ctx, fmt.Sprint("told-", in.Ticket))
	}))
	return nil
}

func TestTwoReplicasHaveAProcessEachAndHearEachEventOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		one := desktest.New(t, db, as(t, "counter"))
		two := desktest.NewWith(t, db, func(c *core.Config) { c.DB, c.Clock = one.DB, one.Clock }, as(t, "counter"))
		if first, second := process(one).PID, process(two).PID; first == 0 || second == 0 || first == second {
			t.Errorf("the processes are %d and %d", first, second)
		}
		const tickets = 20
		for i := range tickets {
			opened([]*desktest.Desk{one, two}[i%2], fmt.Sprint(i)).Want(201)
		}
		one.Settle()
		for ticket := 1; ticket <= tickets; ticket++ {
			path := fmt.Sprintf("GET /api/counter/%d", ticket)
			eventually(t, fmt.Sprintf("both to know of ticket %d", ticket), func() bool { return two.Do(desktest.Admin, path, nil).Status == 200 })
			if told := string(one.Do(desktest.Admin, path, nil).Want(200).Body); !strings.Contains(told, `"value":1,`) {
				t.Errorf("ticket %d: %s", ticket, told)
			}
		}
	})
}

// An upgrade while the desk works: nobody is refused, and each event is heard.
func TestARestartUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, as(t, "counter"))
		ended := make(chan struct{})
		made := 0
		go func() {
			defer close(ended)
			for range 60 {
				if opened(d, "x").Status == http.StatusCreated {
					made++
				}
			}
		}()
		pids := map[int]bool{process(d).PID: true}
		for range 4 {
			d.Do(desktest.Admin, "POST /api/plugins/counter/restart", nil).Want(200)
			pids[process(d).PID] = true
		}
		<-ended
		if made != 60 || len(pids) != 5 {
			t.Errorf("%d of 60 tickets were made, by %d processes of 5", made, len(pids))
		}
		d.Settle()
		for ticket := 1; ticket <= made; ticket++ {
			if told := string(d.Do(desktest.Admin, fmt.Sprintf("GET /api/counter/%d", ticket), nil).Want(200).Body); !strings.Contains(told, `"value":1,`) {
				t.Errorf("ticket %d: %s", ticket, told)
			}
		}
	})
}
