package external_test

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/external"
)

// process is what an admin sees of the plugin's.
func process(d *desktest.Desk) core.Process {
	var list struct{ Plugins []core.PluginState }
	d.Do(desktest.Admin, "GET /api/plugins", nil).Want(200).JSON(&list)
	return *list.Plugins[0].Process
}

// await waits until the process is as wanted.
func await(t *testing.T, d *desktest.Desk, what string, holds func(core.Process) bool) core.Process {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if p := process(d); holds(p) {
			return p
		}
		<-tick.C
	}
	t.Fatalf("not %s within 20 s: %+v", what, process(d))
	return core.Process{}
}

func opened(d *desktest.Desk, subject string) *desktest.Response {
	return d.Do(desktest.Customer, "POST /api/tickets", map[string]any{"subject": subject, "body": "x"})
}

func TestAKilledPluginComesBackAndNoEventIsLost(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, as(t, "classify", external.Grant("tickets:read", "tickets:write")))
		d.AllowErrors()
		first := await(t, d, "ready", func(p core.Process) bool { return p.State == "ready" })
		opened(d, "down").Want(201)
		if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		await(t, d, "ready again", func(p core.Process) bool {
			return p.State == "ready" && p.PID != first.PID && p.Restarts == 1 && p.LastError != ""
		})
		d.Settle()
		all := string(d.Do(desktest.Agent, "GET /api/tickets/1", nil).Want(200).Body)
		if n := strings.Count(all, `"kind":"note","author":{`); n != 1 {
			t.Errorf("%d notes of the plugin, want one: %s", n, all)
		}
	})
}

func TestAStoppedPluginRefusesInTimeWhatItMustAgreeTo(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it measures time, which the race detector stretches")
	}
	d := desktest.New(t, desktest.SQLite, as(t, "classify", external.Deadlines(300*time.Millisecond, 0, time.Second)))
	d.AllowErrors()
	p := await(t, d, "ready", func(p core.Process) bool { return p.State == "ready" })
	if err := syscall.Kill(p.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	refused := opened(d, "down")
	if took := time.Since(began); refused.Status != 503 || took > 5*time.Second {
		t.Errorf("%s after %s", refused, took)
	}
	for range 8 {
		opened(d, "down").Want(503)
	}
	if got := process(d); got.State != "degraded" {
		t.Errorf("after failures in a row the state is %s", got.State)
	}
	began = time.Now()
	if opened(d, "down").Want(503); time.Since(began) > 250*time.Millisecond {
		t.Error("an open breaker waits for the plugin")
	}
	await(t, d, "replaced, for it does not say that it is well", func(now core.Process) bool { return now.PID != 0 && now.PID != p.PID })
	opened(d, "down").Want(201)
}

func TestADeskStopsInTimeWhateverItsPluginDoes(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, as(t, "classify"))
	d.AllowErrors()
	p := await(t, d, "ready", func(p core.Process) bool { return p.State == "ready" })
	if err := syscall.Kill(p.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	d.Stop()
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("it took %v", took)
	}
	if syscall.Kill(p.PID, 0) == nil {
		t.Error("the process is left behind")
	}
}

func TestARestartPutsTheNewBesideTheOld(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, as(t, "classify", external.Grant("tickets:read", "tickets:write")))
	old := process(d)
	var next core.Process
	d.Do(desktest.Admin, "POST /api/plugins/classify/restart", nil).Want(200).JSON(&next)
	if next.State != "ready" || next.PID == old.PID || next.PID == 0 {
		t.Errorf("%+v follows %+v", next, old)
	}
	opened(d, "down").Want(201)
	d.Do(desktest.Agent, "POST /api/plugins/classify/restart", nil).Want(403)
	if err := syscall.Kill(old.PID, 0); err == nil {
		t.Error("the old process still runs")
	}
}

func TestWhatWasNotGrantedIsRefused(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, as(t, "classify")) // asks for tickets, is given nothing
	d.AllowErrors()
	opened(d, "down").Want(201)
	tick := time.NewTicker(10 * time.Millisecond)
	t.Cleanup(tick.Stop)
	for range 1000 {
		var parked struct {
			Parked []core.ParkedEvent `json:"parked"`
		}
		d.Do(desktest.Admin, "GET /api/deliveries/parked", nil).Want(200).JSON(&parked)
		if len(parked.Parked) == 1 {
			return // it was told that it has no permission, and the event waits
		}
		<-tick.C
	}
	t.Error("a plugin without permission read a ticket")
}

func TestABinaryThatIsNotTheOneIsNotRun(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, plugin := range map[string]*external.Plugin{
		"another sum":      as(t, "classify", external.SHA256("00")),
		"no plugin at all": as(t, "nobody"),
		"no file":          external.New(self + ".missing"),
	} {
		config := core.Config{Plugins: []core.Plugin{plugin}}
		if config.DB, err = core.Open("sqlite::memory:"); err != nil {
			t.Fatal(err)
		}
		if _, err := core.New(config); err == nil {
			t.Errorf("%s: the desk started", name)
		}
	}
}

// A route that hangs has a breaker of its own: what is asked then is refused at once,
// and tickets are not refused for it.
func TestRoutesThatHangRefuseAtOnceAndTicketsAreNotRefused(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, as(t, "never answers", external.AnswerWithin(time.Second)))
	d.AllowErrors()
	ask := func() int { return d.Do(desktest.Agent, "GET /api/sick", nil).Status }
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if status := ask(); status != http.StatusServiceUnavailable {
				t.Errorf("a route that hangs answers %d", status)
			}
		})
	}
	all.Wait()
	began := time.Now()
	if status, took := ask(), time.Since(began); status != http.StatusServiceUnavailable || took > 500*time.Millisecond {
		t.Errorf("after five that hung, it is %d after %s", status, took)
	}
	if got := process(d).State; got != "degraded" {
		t.Errorf("the state is %s", got)
	}
	opened(d, "x").Want(201)
}

// A plugin that is switched on takes a moment to start. Who opens a ticket just then
// waits for it, rather than being refused.
func TestWhatAPluginMustAgreeToWaitsForItsStart(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, as(t, "classify", external.Grant("tickets:read", "tickets:write"), external.Deadlines(5*time.Second, 0, 0)))
	var on atomic.Bool
	for range 3 {
		d.Do(desktest.Admin, "POST /api/plugins/classify/disable", nil).Want(200)
		on.Store(false)
		var switched sync.WaitGroup
		switched.Go(func() {
			defer on.Store(true)
			if got := d.Do(desktest.Admin, "POST /api/plugins/classify/enable", nil); got.Status != http.StatusOK {
				t.Errorf("not switched on: %s", got)
			}
		})
		for !on.Load() {
			if got := opened(d, "while it starts"); got.Status != http.StatusCreated {
				t.Errorf("refused: %s", got)
			}
		}
		switched.Wait()
	}
}

// What a caller does wrong is not the plugin's fault, so it cannot be used to keep
// others away from its routes.
func TestCallersCannotOpenTheBreakerOfRoutes(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, as(t, "never answers", external.AnswerWithin(5*time.Second)))
	for name, ask := range map[string]func() *desktest.Response{
		"an upgrade that cannot be": func() *desktest.Response {
			return d.DoWith(desktest.Agent, "GET /api/sick", nil, http.Header{"Connection": {"Upgrade"}, "Upgrade": {"\x80"}})
		},
		"a body that breaks off": func() *desktest.Response {
			return d.Do(desktest.Agent, "GET /api/sick", iotest.ErrReader(errors.New("malformed chunk")))
		},
	} {
		for range 6 {
			if got := ask(); got.Status != http.StatusBadRequest {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
	if got := process(d).State; got != "ready" {
		t.Errorf("the state is %s", got)
	}
}
