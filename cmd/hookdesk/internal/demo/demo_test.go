package demo

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/internal/pgtest"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

// databases give the DSN of an empty database of each kind.
var databases = map[string]func(testing.TB) string{
	"sqlite": func(t testing.TB) string {
		t.Helper()
		return "sqlite:" + filepath.Join(t.TempDir(), "desk.db")
	},
	"postgres": pgtest.New,
}

// configOf is a desk on a database.
func configOf(t *testing.T, dsn string) core.Config {
	t.Helper()
	db, err := core.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool, err := db.DB()
		if err != nil {
			t.Fatal(err)
		}
		pool.Close()
	})
	return core.Config{
		DB: db, Files: core.Dir(t.TempDir()), Plugins: []core.Plugin{snooze.New(snooze.Config{})},
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// number is the first column of the first row.
func number(t *testing.T, db *gorm.DB, sql string, args ...any) (n int64) {
	t.Helper()
	if err := db.Raw(sql, args...).Scan(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheSeededDeskIsOneThatWasUsed(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := configOf(t, dsnOf(t))
			now := time.Now()
			if err := Seed(t.Context(), c, now); err != nil {
				t.Fatal(err)
			}
			for sql, want := range map[string][2]int64{ // at least, at most
				"SELECT count(*) FROM hookdesk_tickets":                                          {tickets, tickets},
				"SELECT count(DISTINCT status) FROM hookdesk_tickets":                            {5, 8},
				"SELECT count(*) FROM hookdesk_tickets WHERE is_open":                            {15, 120},
				"SELECT count(*) FROM hookdesk_tickets WHERE merged_into_id IS NOT NULL":         {doubles, doubles},
				"SELECT count(*) FROM hookdesk_tickets WHERE split_from_id IS NOT NULL":          {splits, splits},
				"SELECT count(*) FROM hookdesk_tickets WHERE assignee_id IS NULL AND status > 0": {0, doubles},
				"SELECT count(*) FROM hookdesk_departments":                                      {5, 5},
				"SELECT count(*) FROM hookdesk_people WHERE email NOT LIKE '%_@_%.example'":      {0, 0},
				"SELECT count(*) FROM hookdesk_people WHERE name = user_id":                      {0, 0},
				"SELECT count(*) FROM hookdesk_ticket_tags":                                      {150, 600},
				"SELECT count(*) FROM hookdesk_replies WHERE kind = 1":                           {30, 300},
				"SELECT count(*) FROM hookdesk_replies WHERE trim(body) = ''":                    {0, 0},
				"SELECT count(*) FROM hookdesk_replies WHERE body LIKE '%{%' OR body LIKE '%[%'": {0, 0},
				"SELECT count(*) FROM hookdesk_tickets t WHERE merged_into_id IS NULL AND NOT EXISTS (SELECT 1 FROM hookdesk_replies WHERE ticket_id = t.id AND number = 0)": {0, 0},
				"SELECT count(*) FROM hookdesk_attachments WHERE reply_id IS NULL OR NOT stored":                                                                             {0, 0},
				"SELECT count(DISTINCT media_type) FROM hookdesk_attachments":                                                                                                {3, 4},
				"SELECT count(*) FROM hookdesk_snooze_snoozes WHERE woke_at IS NULL":                                                                                         {3, lastly + 15},
				"SELECT count(*) FROM hookdesk_snooze_snoozes WHERE why = 'due'":                                                                                             {3, 40},
			} {
				if n := number(t, c.DB, sql); n < want[0] || n > want[1] {
					t.Errorf("%s: %d, want %v", sql, n, want)
				}
			}
			if n := number(t, c.DB, "SELECT count(*) FROM hookdesk_snooze_snoozes WHERE woke_at IS NULL AND until <= ?", core.TimeOf(now)); n != 0 {
				t.Errorf("%d tickets slept too long", n)
			}
			notInTheFuture(t, c.DB, now)
		})
	}
}

// notInTheFuture looks at every time that something happened.
func notInTheFuture(t *testing.T, db *gorm.DB, now time.Time) {
	t.Helper()
	names, err := db.Migrator().GetTables()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, table := range names {
		columns, err := db.Migrator().ColumnTypes(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range columns {
			if strings.HasSuffix(table, "_migrations") || !strings.HasSuffix(c.Name(), "_at") && c.Name() != "at" || c.Name() == "expires_at" {
				continue
			}
			seen++
			if late := number(t, db, "SELECT count(*) FROM "+table+" WHERE "+c.Name()+" > ?", core.TimeOf(now)); late > 0 {
				t.Errorf("%d rows of %s have %s in the future", late, table, c.Name())
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d columns were looked at", seen)
	}
}

func TestADeskWithTicketsIsLeftAlone(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := configOf(t, dsnOf(t))
			d, err := core.New(c)
			if err != nil {
				t.Fatal(err)
			}
			a, err := d.ActorOf(t.Context(), customer(0))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Tickets.Create(core.As(t.Context(), a), core.TicketDraft{Subject: "Mine", Body: "Alone."}); err != nil {
				t.Fatal(err)
			}
			if err := Seed(t.Context(), c, time.Now()); !errors.Is(err, ErrTickets) {
				t.Errorf("%v", err)
			}
			if n := number(t, c.DB, "SELECT count(*) FROM hookdesk_tickets"); n != 1 {
				t.Errorf("%d tickets", n)
			}
		})
	}
}

func TestASeedThatFailsLeavesNoRow(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := configOf(t, dsnOf(t))
			ctx, cancel := context.WithCancel(t.Context())
			c.Plugins = append(c.Plugins, core.Inline("stopper", func(h core.Host) error {
				h.Hooks().Ticket.Merge.Within.Add(h, "stop", func(context.Context, *gorm.DB, *core.TicketMerged) error {
					cancel() // in the middle, as by Ctrl-C
					return nil
				})
				return nil
			}))
			if err := Seed(ctx, c, time.Now()); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			if n := number(t, c.DB, "SELECT count(*) FROM hookdesk_tickets") + number(t, c.DB, "SELECT count(*) FROM hookdesk_departments"); n != 0 {
				t.Errorf("%d rows are left", n)
			}
		})
	}
}

func TestSeedingNeedsSnooze(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := configOf(t, dsnOf(t))
			c.Plugins = nil
			if err := Seed(t.Context(), c, time.Now()); err == nil || !strings.Contains(err.Error(), "needs the plugin snooze") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestThePlanFitsAnyHour plans at each third hour of two weeks, for what is in
// the past depends on it: at night and on Sundays nobody has just asked.
func TestThePlanFitsAnyHour(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, time.February, 23, 0, 30, 0, 0, time.UTC)
	for hour := 0; hour < 14*24; hour += 3 {
		now := start.Add(time.Duration(hour) * time.Hour)
		steps, err := plan(now)
		if err != nil {
			t.Fatal(err)
		}
		last, naps := map[*ticket]step{}, 0
		for _, s := range steps {
			if s.at.After(now) || s.at.Before(now.AddDate(0, 0, -days-7)) {
				t.Errorf("%s: a step at %s", now, s.at)
			}
			if before := last[s.of]; before.answered && s.at.Equal(before.at.Add(time.Minute)) {
				naps++
			}
			last[s.of] = s
		}
		if len(last) != tickets || naps < 3 || naps > lastly {
			t.Errorf("%s: %d tickets, %d of them asleep", now, len(last), naps)
		}
	}
}

func TestEveryStoryCanBeTold(t *testing.T) {
	t.Parallel()
	stories, err := parseStories(storyText)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stories {
		if !slices.ContainsFunc(departments, func(d department) bool { return d.slug == s.department }) {
			t.Errorf("%s: no department %q", s.subjects[0], s.department)
		}
		for _, tag := range s.tags {
			if tagColours[tag] == "" {
				t.Errorf("%s: no tag %q", s.subjects[0], tag)
			}
		}
		for _, l := range s.lines {
			if _, err := fileFor(l.file, time.Now()); l.file != "" && err != nil {
				t.Errorf("%s: %v", s.subjects[0], err)
			}
		}
	}
}

func TestAMistakeInTheStoriesIsNamed(t *testing.T) {
	t.Parallel()
	const head = "== Help\n@ billing problem high invoice\n"
	for text, want := range map[string]string{
		"C: hello":                       "stories.txt:1: stands before the first story",
		"== Help\n@ billing problem":     "stories.txt:2: want department",
		"== Help\n@ billing problem x y": "stories.txt:2: a priority is one of",
		head + "hello":                   `stories.txt:3: "hello" is no message`,
		head + "A: hello":                "stories.txt:3: a story begins with the customer",
		head + "C: hi\nZ: soon":          "stories.txt:4: want days and a reason",
	} {
		if _, err := parseStories(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
