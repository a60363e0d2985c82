package savedviews_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

func TestADeskHasViewsFromTheStart(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		if got := d.names(desktest.Agent); got != firstViews {
			t.Errorf("there are %s", got)
		}
		for id := range int64(4) {
			if v := d.view(desktest.Agent, id+1); v.OwnerID != nil || v.Editable || len(v.Broken) > 0 {
				t.Errorf("%+v", v)
			}
		}
		d.Do(desktest.Agent, at("DELETE", 2)+"?version=1", nil).Want(403)
		d.Do(desktest.Admin, at("DELETE", 2)+"?version=1", nil).Want(204)
		d.Do(desktest.Admin, at("PATCH", 1), map[string]any{"sharing": "private", "version": 1}).Want(422) // whose?
		d.Reopen(fresh())
		d.Do(desktest.Admin, "POST /api/plugins/savedviews/disable", nil).Want(200)
		d.Do(desktest.Admin, "POST /api/plugins/savedviews/enable", nil).Want(200)
		if got, want := d.names(desktest.Agent), strings.Replace(firstViews, "Unassigned, ", "", 1); got != want {
			t.Errorf("after a restart there are %s, want %s", got, want)
		}
	})
}

// TestTwoProcessesMakeTheFirstViewsOnce lets desks start at once on a database
// whose views are still to be made.
func TestTwoProcessesMakeTheFirstViewsOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		for range 3 {
			must(t, d.DB.Exec("DELETE FROM hookdesk_savedviews_views").Error)
			must(t, d.DB.Exec("UPDATE hookdesk_savedviews_desk SET seeded = false").Error)
			starts := make(chan struct{})
			for range 4 {
				go func() {
					defer func() { starts <- struct{}{} }()
					desktest.NewWith(t, db, func(c *core.Config) { c.DB = d.DB }, fresh())
				}()
			}
			for range 4 {
				<-starts
			}
			if got := d.names(desktest.Agent); got != firstViews {
				t.Errorf("there are %s", got)
			}
		}
	})
}

func TestThereIsAViewOfBrokenPromisesWhereThereArePromises(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db, core.Inline("promises", func(h core.Host) error {
			h.Query("GET /api/tickets", "sla", "breached", "")
			return nil
		}))
		if got := d.names(desktest.Agent); got != firstViews+", Breaching" {
			t.Errorf("there are %s", got)
		}
		if v := d.view(desktest.Agent, 5); len(v.Broken) > 0 {
			t.Errorf("%+v", v)
		}
	})
}

// TestADeskMayStopBeforeItBegan: that the views of the first run could not be
// made is no error then, and they are made by the next run.
func TestADeskMayStopBeforeItBegan(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.AllowErrors() // core says which of its jobs could not be read
		must(t, d.DB.Exec("DELETE FROM hookdesk_savedviews_views").Error)
		must(t, d.DB.Exec("UPDATE hookdesk_savedviews_desk SET seeded = false").Error)
		d.Stop()
		config := d.Config
		config.Plugins = []core.Plugin{fresh()}
		early, err := core.New(config)
		must(t, err)
		over, stop := context.WithCancel(t.Context())
		stop()
		must(t, early.Run(over))
		must(t, early.Close())
		d.Reopen(fresh())
		if got := d.names(desktest.Agent); got != firstViews {
			t.Errorf("there are %s", got)
		}
	})
}
