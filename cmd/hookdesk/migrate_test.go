package main

import (
	"strings"
	"testing"
)

func TestMigrateUpDownAndStatus(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			for _, row := range []struct {
				args string
				want string // the lines, blanks folded; or the error
			}{
				{"migrate status", "core version 0, pending 0001_core.sql; snooze version 0, pending 0001_snoozes.sql; kb version 0, pending 0001_articles.sql"},
				{"migrate down snooze", "snooze has no tables here, nothing was to do"},
				{"migrate up --without snooze", "core ran 0001_core.sql; kb ran 0001_articles.sql; core version 1, up to date; kb version 1, up to date"},
				{"migrate", "snooze ran 0001_snoozes.sql; core version 1, up to date; snooze version 1, up to date; kb version 1, up to date"},
				{"migrate", "core version 1, up to date; snooze version 1, up to date; kb version 1, up to date"},
				{"migrate up", "core version 1, up to date; snooze version 1, up to date; kb version 1, up to date"},
				{"migrate down snooze", "snooze its tables were at version 1 and are gone"},
				{"migrate down snooze", "snooze has no tables here, nothing was to do"},
				{"migrate status", "core version 1, up to date; snooze version 0, pending 0001_snoozes.sql; kb version 1, up to date"},
				{"migrate up", "snooze ran 0001_snoozes.sql; core version 1, up to date; snooze version 1, up to date; kb version 1, up to date"},
				{"migrate down core", "error: drop the database"},
				{"migrate down sla", "error: no plugin sla"},
				{"migrate up --without sla", "error: no such plugin"},
				{"migrate status --table-prefix own_", "core version 0, pending 0001_core.sql; snooze version 0, pending 0001_snoozes.sql; kb version 0, pending 0001_articles.sql"},
			} {
				out, err := call(t, append(strings.Fields(row.args), "--database", dsn)...)
				lines := strings.Split(strings.TrimSpace(out), "\n")
				for i, line := range lines {
					lines[i] = strings.Join(strings.Fields(line), " ")
				}
				got := strings.Join(lines, "; ")
				if want, fails := strings.CutPrefix(row.want, "error: "); fails {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: %v, want %s", row.args, err, want)
					}
				} else if err != nil || got != row.want {
					t.Errorf("%s: %v\n got %s\nwant %s", row.args, err, got, row.want)
				}
			}
		})
	}
}

func TestAServerRunsOnWhatMigrateMade(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			if _, err := call(t, "migrate", "--database", dsn); err != nil {
				t.Fatal(err)
			}
			p := serve(t, dsn)
			p.want(201, carla, "POST /api/tickets", `{"subject": "Help", "body": "Please."}`)
			p.want(200, chloe, "PUT /api/tickets/1/snooze", `{"preset": "1h"}`)
			p.stop()
			if out, err := call(t, "migrate", "down", "snooze", "--database", dsn); err != nil || !strings.Contains(out, "gone") {
				t.Errorf("%v\n%s", err, out)
			}
			p = serve(t, dsn, "--without", "snooze")
			if n := p.count(chloe, ""); n != 1 {
				t.Errorf("%d tickets are left", n)
			}
		})
	}
}

func TestMigrateFailsWithoutADatabase(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"up", "down snooze", "status"} {
		args := append([]string{"migrate"}, strings.Fields(command)...)
		if out, err := call(t, append(args, "--database", "sqlite:/nowhere/desk.db")...); err == nil || out != "" {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}
