package core

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-co-op/gocron/v2"
)

// jobs runs what the desk and its plugins do again and again. When a job is due
// next stands in its row, so all processes of a desk agree on it; the one that
// gets the lease of the row runs it. A run that was missed, because nobody was
// there or because its process died, is made up for once, as soon as somebody is.
type jobs struct {
	d     *Desk
	watch leaseWatch
	mu    sync.Mutex
	list  []*job
	cron  gocron.Scheduler
}

type job struct {
	owner *host
	name  string
	when  schedule
	fn    func(context.Context) error
	mu    sync.Mutex // held while it runs in this process
	fired atomic.Int64
}

// jobRow is what all processes know of a job.
type jobRow struct {
	Name      string
	Token     int64
	Beat      int64
	Schedule  string
	NextAt    Time
	StartedAt *Time
	EndedAt   *Time
	Failures  int
	LastError string
}

func (jobRow) table() string { return "jobs" }

func (r jobRow) mark() leaseMark { return leaseMark{r.Token, r.Beat} }

// JobRun is one run of a job.
type JobRun struct {
	ID        int64  `json:"id"`
	Job       string `json:"job"`
	DueAt     Time   `json:"due_at"`
	StartedAt Time   `json:"started_at"`
	EndedAt   *Time  `json:"ended_at" doc:"null: its process died"`
	Error     string `json:"error"`
}

func (j *jobs) add(owner *host, name string, when schedule, fn func(context.Context) error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, known := range j.list {
		if known.owner == owner && known.name == name {
			owner.wrong("job %q is registered twice", name)
			return
		}
	}
	j.list = append(j.list, &job{owner: owner, name: name, when: when, fn: fn})
}

func (j *jobs) all() []*job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.list
}

func (j *jobs) find(name string) (*job, error) {
	for _, one := range j.all() {
		if one.id() == name {
			return one, nil
		}
	}
	return nil, Errorf(NotFound, "there is no job %q", name)
}

func (one *job) id() string { return one.owner.id + "." + one.name }

// start lets jobs run until ctx ends.
func (j *jobs) start(ctx context.Context) error {
	cron, err := gocron.NewScheduler(gocron.WithClock(j.d.clock), gocron.WithLocation(time.UTC), gocron.WithStopTimeout(stopPatience))
	if err != nil {
		return err
	}
	j.cron = cron
	cron.Start() // first: it would set the timers of jobs that it knows in any order
	for _, one := range j.all() {
		row, err := j.row(ctx, one)
		next := row.NextAt.Time
		if err != nil { // the database may be away at this very moment
			j.d.log.ErrorContext(ctx, "a job's row cannot be read; it is tried again", "job", one.id(), "err", err)
			next = j.d.Now().Add(retryJob)
		}
		if err := j.arm(ctx, one, next); err != nil {
			return errors.Join(fmt.Errorf("job %s: %w", one.id(), err), cron.Shutdown())
		}
	}
	return nil
}

// stopPatience is how long a job may take to notice that the desk stops.
const stopPatience = 10 * time.Second

func (j *jobs) stop() error {
	if j.cron == nil {
		return nil
	}
	return j.cron.Shutdown()
}

// row is the job's row, which the first process makes. Another schedule than
// before begins anew.
func (j *jobs) row(ctx context.Context, one *job) (jobRow, error) {
	row := jobRow{Name: one.id(), Schedule: one.when.String(), NextAt: TimeOf(one.when.next(j.d.Now()))}
	known, found, err := first[jobRow](ctx, j.d.store, Query{Where: []Cond{Is("name", row.Name)}})
	switch {
	case err != nil:
		return known, err
	case found && known.Schedule == row.Schedule:
		return known, nil
	case found:
		rows, err := update[jobRow](ctx, j.d.store, []Assign{Set("schedule", row.Schedule), Set("next_at", row.NextAt)}, Is("name", row.Name))
		if err != nil || len(rows) == 0 {
			return known, err
		}
		return rows[0], nil
	}
	if err := j.d.store.Insert(ctx, &row); err != nil && !errors.Is(err, ErrDuplicate) {
		return row, err
	}
	return row, nil
}

// arm sets when this process looks at the job next.
func (j *jobs) arm(ctx context.Context, one *job, at time.Time) error {
	when := gocron.OneTimeJobStartDateTime(at)
	if !at.After(j.d.Now()) {
		when = gocron.OneTimeJobStartImmediately()
	}
	_, err := j.cron.NewJob(gocron.OneTimeJob(when), gocron.NewTask(func() { j.fire(ctx, one) }))
	return err
}

// fire runs the job if it is due and nobody else runs it.
func (j *jobs) fire(ctx context.Context, one *job) {
	defer one.fired.Add(1)
	if ctx.Err() != nil {
		return
	}
	next, err := j.try(ctx, one)
	if err != nil && ctx.Err() == nil {
		j.d.log.ErrorContext(ctx, "a job failed", "plugin", one.owner.id, "job", one.name, "err", err)
	}
	if err := j.arm(ctx, one, next); err != nil && ctx.Err() == nil {
		j.d.log.ErrorContext(ctx, "a job cannot be set again", "plugin", one.owner.id, "job", one.name, "err", err)
	}
}

// retryJob is when a job is looked at again whose row could not be read, or that
// another process was about to take.
const retryJob = 5 * time.Second

// try runs the job if it is due and tells when to look at it again.
func (j *jobs) try(ctx context.Context, one *job) (next time.Time, err error) {
	now := j.d.Now()
	if !one.owner.on() {
		return one.when.next(now), nil
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	row, err := j.row(ctx, one)
	switch {
	case err != nil:
		return now.Add(retryJob), err
	case row.NextAt.After(now):
		return row.NextAt.Time, nil // another process was there
	}
	held, ok, err := j.claim(ctx, row)
	switch {
	case err != nil:
		return now.Add(retryJob), err
	case !ok:
		return now.Add(min(retryJob, j.d.config.Lease)), nil
	}
	return j.run(ctx, one, held)
}

// claim takes the job's lease, and notes when its former holder has died.
func (j *jobs) claim(ctx context.Context, row jobRow) (held jobRow, ok bool, err error) {
	if !j.watch.free(row.Name, row.mark(), j.d.events.clock.Now(), j.d.config.Lease) {
		return row, false, nil
	}
	// To the end, or the end of the desk might leave a lease that nobody knows of.
	err = j.d.store.Tx(context.WithoutCancel(ctx), func(ctx context.Context) error {
		held, ok, err = claim[jobRow](ctx, j.d.store, row.Name, row.mark(), Set("started_at", j.d.now()))
		if err == nil && ok && row.Beat != 0 && row.StartedAt != nil {
			err = j.d.store.Insert(ctx, &JobRun{Job: row.Name, DueAt: row.NextAt, StartedAt: *row.StartedAt, Error: "its process died"})
		}
		return err
	})
	return held, ok && err == nil, err
}

// run runs a job whose lease is held, and hands it back with when it is due next.
// A run that the end of the desk cut short stays due.
func (j *jobs) run(ctx context.Context, one *job, row jobRow) (next time.Time, err error) {
	err = j.once(ctx, one, row)
	now := j.d.now()
	if next = one.when.next(now.Time); ctx.Err() != nil && err != nil {
		next = row.NextAt.Time
	}
	return next, errors.Join(err, j.end(context.WithoutCancel(ctx), row, TimeOf(next), err))
}

// once calls the job's function while the lease is kept, and ends its context
// when the lease is lost. All that the function changes in one transaction of the
// desk proves that the lease is still held; see Desk.change.
func (j *jobs) once(ctx context.Context, one *job, row jobRow) error {
	one.owner.busy.Add(1)
	defer one.owner.busy.Add(-1)
	ctx, cancel := context.WithCancelCause(withFence(ctx, fence{row.Name, row.Token}))
	defer cancel(nil)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if err := j.keep(ctx, row); err != nil {
			cancel(err)
		}
	}()
	err := guard(func() error { return one.fn(one.owner.As(ctx)) })
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errLost) {
		err = errors.Join(cause, err)
	}
	cancel(nil)
	<-kept
	return err
}

// keep renews the lease until ctx ends; it fails once it is lost.
func (j *jobs) keep(ctx context.Context, row jobRow) error {
	clock, lasts := j.d.events.clock, j.d.config.Lease
	saved := clock.Now()
	for {
		if pause(ctx, lasts/3); ctx.Err() != nil {
			return nil //nolint:nilerr // the run has ended, and the lease was kept so long
		}
		now := clock.Now()
		err := prove[jobRow](ctx, j.d.store, row.Name, row.Token)
		switch {
		case err == nil:
			saved = now
		case errors.Is(err, errLost), clock.Since(saved) > lasts:
			return errLost
		}
	}
}

// maxRuns is how many runs of a job are remembered.
const maxRuns = 100

// end hands the lease back and writes down how the run went.
func (j *jobs) end(ctx context.Context, row jobRow, next Time, failure error) error {
	now, text := j.d.now(), ""
	sets := []Assign{Set("ended_at", now), Set("next_at", next), Set("failures", 0), Set("last_error", "")}
	if failure != nil {
		text = errorText(failure)
		sets = []Assign{Set("ended_at", now), Set("next_at", next), Add("failures", 1), Set("last_error", text)}
	}
	err := j.d.store.Tx(ctx, func(ctx context.Context) error {
		if err := prove[jobRow](ctx, j.d.store, row.Name, row.Token); err != nil {
			return err
		}
		if err := handBack[jobRow](ctx, j.d.store, row.Name, row.Token, sets...); err != nil {
			return err
		}
		return j.remember(ctx, JobRun{Job: row.Name, DueAt: row.NextAt, StartedAt: *row.StartedAt, EndedAt: &now, Error: text})
	})
	if errors.Is(err, errLost) {
		return nil // whoever took over writes down how it went
	}
	return err
}

func (j *jobs) remember(ctx context.Context, run JobRun) error {
	if err := j.d.store.Insert(ctx, &run); err != nil {
		return err
	}
	runs, err := find[JobRun](ctx, j.d.store, Query{Where: []Cond{Is("job", run.Job)}, Order: []Order{{"id", true}}, Limit: maxRuns + 1})
	if err != nil || len(runs) <= maxRuns {
		return err
	}
	_, err = j.d.store.Delete(ctx, &JobRun{}, Is("job", run.Job), Where("id", LessOrEqual, runs[maxRuns].ID))
	return err
}
