package core_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

func saveCore(t *testing.T, d *desktest.Desk, s core.DeskSettings) {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Settings.Save(d.As(desktest.Admin), "core", text, nil); err != nil {
		t.Fatal(err)
	}
}

func TestEachSettingOfTheDeskHasItsEffect(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		agent, customer := d.As(desktest.Agent), d.As(desktest.Customer)
		ticket := d.Ticket(desktest.Customer)
		saveCore(t, d, core.DeskSettings{StatusFlow: false, RetentionDays: 2, MaxFileMB: 1})

		if _, err := d.Replies.Add(agent, ticket.ID, core.ReplyDraft{Body: "x"}); err != nil {
			t.Fatal(err)
		}
		if now, err := d.Tickets.Get(customer, ticket.ID); err != nil || now.Status != core.StatusOpen {
			t.Errorf("status_flow is off, the status is %s: %v", now.Status, err)
		}
		big := strings.NewReader(strings.Repeat("x", 1<<20+1))
		if _, err := d.Attachments.Upload(customer, "big", big); core.KindOf(err) != core.TooLarge {
			t.Errorf("a file over max_file_mb: %v", err)
		}
		if _, err := d.Tickets.Delete(d.As(desktest.Admin), ticket.ID); err != nil {
			t.Fatal(err)
		}
		d.Leap(day)
		purge(t, d)
		if _, err := d.Tickets.Get(d.As(desktest.Admin), ticket.ID); err != nil {
			t.Errorf("purged before retention_days: %v", err)
		}
		d.Leap(2 * day)
		purge(t, d)
		if _, err := d.Tickets.Get(d.As(desktest.Admin), ticket.ID); core.KindOf(err) != core.NotFound {
			t.Errorf("not purged after retention_days: %v", err)
		}
	})
}

// mailer is a plugin with a secret among its settings.
type mailer struct{ host *core.Host }

type mailerSettings struct {
	Server   string `json:"server"`
	Password string `json:"password" secret:"true"`
}

func (mailer) Manifest() core.Manifest {
	return core.Manifest{ID: "mailer", Name: "Mailer", Version: "1.0.0", Doc: "Sends mail.", Settings: mailerSettings{Server: "localhost"}}
}

func (m mailer) Register(h core.Host) error {
	*m.host = h
	return nil
}

func TestASecretIsWriteOnly(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var host core.Host
		d := desktest.New(t, db, mailer{&host})
		read := func() (s mailerSettings) {
			t.Helper()
			if err := host.Settings(&s); err != nil {
				t.Fatal(err)
			}
			return s
		}
		if read().Server != "localhost" {
			t.Errorf("the default is %+v", read())
		}
		put := func(body string, status int) string {
			t.Helper()
			return string(d.Do(desktest.Admin, "PUT /api/settings/mailer", body).Want(status).Body)
		}
		answer := put(`{"value":{"server":"mx","password":"hunter2"}}`, 200)
		if strings.Contains(answer, "hunter2") || !strings.Contains(answer, `"secrets":["password"]`) {
			t.Error(answer)
		}
		if got := read(); got != (mailerSettings{"mx", "hunter2"}) {
			t.Errorf("the plugin reads %+v", got)
		}
		var row string
		if err := d.DB.Table("hookdesk_settings").Select("value").Where("owner = ?", "mailer").Scan(&row).Error; err != nil || strings.Contains(row, "hunter2") {
			t.Errorf("in the database stands %s, %v", row, err)
		}
		for _, e := range d.Events(0) {
			if strings.Contains(e.Payload, "hunter2") {
				t.Errorf("event %s tells the secret", e.Type)
			}
		}
		put(`{"value":{"server":"mx2","password":""}}`, 200)
		if got := read(); got != (mailerSettings{"mx2", "hunter2"}) {
			t.Errorf("after a change without the secret the plugin reads %+v", got)
		}
		put(`{"value":{"server":7,"password":"","x":1}}`, 422)
		put(`{"value":{"server":"mx3","password":""},"version":1}`, 409)
		d.Reopen()
		if got := read(); got != (mailerSettings{"mx2", "hunter2"}) {
			t.Errorf("after a restart the plugin reads %+v", got)
		}
	})
}

func TestSecretsNeedAKey(t *testing.T) {
	t.Parallel()
	db, err := core.Open("sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	var host core.Host
	if _, err := core.New(core.Config{DB: db, Plugins: []core.Plugin{mailer{&host}}}); err == nil || !strings.Contains(fmt.Sprint(err), "Secret of 32 random bytes") {
		t.Error(err)
	}
}
