package core

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// schedule says when a job is due.
type schedule interface {
	// next is the first time behind t.
	next(t time.Time) time.Time
	String() string
}

// every is a pause between the end of a run and the next.
type every time.Duration

func (e every) next(t time.Time) time.Time { return t.Add(time.Duration(e)) }

func (e every) String() string { return "every " + time.Duration(e).String() }

// crontab is a line of five fields. As Vixie's cron does it: when the hour is
// given, a time that the clock skips is due as much later as it skips, and one
// that comes twice is due once; with * as the hour, time that passes counts.
type crontab struct {
	text   string
	fields *cron.SpecSchedule
	zone   *time.Location
	wall   bool
}

func parseCrontab(text string) (crontab, error) {
	line := text
	if !strings.HasPrefix(line, "TZ=") && !strings.HasPrefix(line, "CRON_TZ=") {
		line = "TZ=UTC " + line
	}
	parsed, err := cron.ParseStandard(line)
	if err != nil {
		return crontab{}, err
	}
	fields, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return crontab{}, fmt.Errorf("%q has not five fields; Every is for intervals", text)
	}
	c := crontab{text: text, fields: fields, zone: fields.Location}
	if at := strings.Fields(line); len(at) == 6 && !strings.HasPrefix(at[2], "*") {
		c.wall = true
		fields.Location = time.UTC // the fields are compared with what the clock on the wall shows
	}
	if c.next(time.Unix(0, 0)).IsZero() {
		return c, fmt.Errorf("%q is never due", text)
	}
	return c, nil
}

func (c crontab) String() string { return c.text }

func (c crontab) next(t time.Time) time.Time {
	if !c.wall {
		return c.fields.Next(t.In(c.zone)).UTC()
	}
	y, m, d := t.In(c.zone).Date()
	h, n, s := t.In(c.zone).Clock()
	for at := time.Date(y, m, d, h, n, s, 0, time.UTC); ; {
		if at = c.fields.Next(at); at.IsZero() {
			return at
		}
		if due := onWall(at, c.zone); due.After(t) {
			return due.UTC()
		}
	}
}

// onWall is when a clock in the zone shows at for the first time; where it skips
// at, as much later as it skips.
func onWall(at time.Time, zone *time.Location) time.Time {
	y, m, d := at.Date()
	h, n, _ := at.Clock()
	shows := func(t time.Time) bool { gotH, gotN, _ := t.Clock(); return gotH == h && gotN == n }
	due := time.Date(y, m, d, h, n, 0, 0, zone)
	_, before := due.Add(-24 * time.Hour).Zone()
	if first := time.Date(y, m, d, h, n, 0, 0, time.FixedZone("", before)).In(zone); shows(first) || !shows(due) {
		return first
	}
	return due
}

// Schedule is the service of jobs.
type Schedule struct{ d *Desk }

// JobState is a job as an admin sees it.
type JobState struct {
	Name      string `json:"name" doc:"plugin.job"`
	Schedule  string `json:"schedule"`
	Enabled   bool   `json:"enabled" doc:"its plugin is on"`
	Running   bool   `json:"running" doc:"somewhere"`
	NextAt    *Time  `json:"next_at"`
	StartedAt *Time  `json:"started_at" doc:"of the newest run"`
	EndedAt   *Time  `json:"ended_at"`
	Failures  int    `json:"failures" doc:"runs that failed in a row"`
	LastError string `json:"last_error"`
}

// List tells of each job when it ran and runs next, in order of registration.
// Admins only.
func (s Schedule) List(ctx context.Context) ([]JobState, error) {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return nil, err
	}
	rows, err := find[jobRow](ctx, s.d.store, Query{Order: []Order{{Column: "name"}}, Limit: maxList})
	if err != nil {
		return nil, err
	}
	known := map[string]jobRow{}
	for _, r := range rows {
		known[r.Name] = r
	}
	var out []JobState
	for _, one := range s.d.jobs.all() {
		state := JobState{Name: one.id(), Schedule: one.when.String(), Enabled: one.owner.on()}
		if r, ok := known[one.id()]; ok {
			state.Running, state.NextAt, state.StartedAt, state.EndedAt = r.Beat != 0, &r.NextAt, r.StartedAt, r.EndedAt
			state.Failures, state.LastError = r.Failures, r.LastError
		}
		out = append(out, state)
	}
	return out, nil
}

// Runs returns a page of the newest hundred runs of a job, the latest first.
// Admins only.
func (s Schedule) Runs(ctx context.Context, job string, p Page) ([]JobRun, string, error) {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return nil, "", err
	}
	if _, err := s.d.jobs.find(job); err != nil {
		return nil, "", err
	}
	q := Query{Where: []Cond{Is("job", job)}, Order: []Order{{"id", true}}, Limit: p.limit() + 1}
	if p.Cursor != "" {
		last, err := p.id()
		if err != nil {
			return nil, "", err
		}
		q.After = []any{last}
	}
	runs, err := find[JobRun](ctx, s.d.store, q)
	next := ""
	if len(runs) > p.limit() {
		runs = runs[:p.limit()]
		next = cursorOf(runs[len(runs)-1].ID)
	}
	return runs, next, err
}

// RunJob runs a job now, such as "snooze.wake", and returns its error. It waits
// for a run that is under way, here or in another process, and does not change
// when the job is due.
func (d *Desk) RunJob(ctx context.Context, name string) error {
	one, err := d.jobs.find(name)
	if err != nil || !one.owner.on() {
		return err
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	for {
		row, err := d.jobs.row(ctx, one)
		if err != nil {
			return err
		}
		held, ok, err := d.jobs.claim(ctx, row)
		if err != nil {
			return err
		}
		if ok {
			err = d.jobs.once(ctx, one, held)
			return errors.Join(err, d.jobs.end(context.WithoutCancel(ctx), held, held.NextAt, err))
		}
		if pause(ctx, d.config.Lease/100); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Fired tells how often jobs were looked at in this process, all together: for
// tests that move the clock.
func (d *Desk) Fired() (n int64) {
	for _, one := range d.jobs.all() {
		n += one.fired.Load()
	}
	return n
}
