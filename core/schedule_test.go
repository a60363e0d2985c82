package core

import (
	"testing"
	"time"
)

func TestCrontabsInZonesWhoseClocksChange(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		spec, after string
		want        []string // UTC
	}{
		"in UTC without a zone":          {"30 2 * * *", "2026-03-28 12:00", []string{"2026-03-29 02:30", "2026-03-30 02:30"}},
		"every day, in a zone":           {"TZ=Europe/Zurich 0 9 * * *", "2026-03-28 12:00", []string{"2026-03-29 07:00", "2026-03-30 07:00"}},
		"a time that is skipped":         {"TZ=Europe/Zurich 30 2 * * *", "2026-03-28 12:00", []string{"2026-03-29 01:30", "2026-03-30 00:30"}},
		"a time that comes twice":        {"TZ=Europe/Zurich 30 2 * * *", "2026-10-24 12:00", []string{"2026-10-25 00:30", "2026-10-26 01:30"}},
		"each hour while an hour skips":  {"TZ=Europe/Zurich 0 * * * *", "2026-03-29 00:30", []string{"2026-03-29 01:00", "2026-03-29 02:00"}},
		"each hour while one comes back": {"TZ=Europe/Zurich 0 * * * *", "2026-10-24 23:30", []string{"2026-10-25 00:00", "2026-10-25 01:00", "2026-10-25 02:00"}},
		"half an hour in Lord Howe":      {"TZ=Australia/Lord_Howe 15 2 * * *", "2026-10-03 00:00", []string{"2026-10-03 15:45", "2026-10-04 15:15"}},
		"on Mondays":                     {"0 7 * * 1", "2026-03-02 07:00", []string{"2026-03-09 07:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := parseCrontab(row.spec)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse("2006-01-02 15:04", row.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range row.want {
				if at = c.next(at); at.Format("2006-01-02 15:04") != want {
					t.Fatalf("%v, want %s", at, want)
				}
			}
		})
	}
	for _, bad := range []string{"", "x", "* * * *", "61 * * * *", "TZ=Atlantis/City 0 0 * * *", "0 0 30 2 *", "@every 1s"} {
		if _, err := parseCrontab(bad); err == nil {
			t.Errorf("%q is taken for a crontab", bad)
		}
	}
}
