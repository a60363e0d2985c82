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

// jobs runs what the desk and its plugins do again and again. A job never runs
// twice at once, and rests while its plugin is off.
type jobs struct {
	d     *Desk
	mu    sync.Mutex
	list  []*job
	cron  gocron.Scheduler
	until context.Context //nolint:containedctx // what Run was given: jobs end with it
}

type job struct {
	owner *host
	name  string
	when  gocron.JobDefinition
	fn    func(context.Context) error
	mu    sync.Mutex // held while it runs
	runs  atomic.Int64
}

func (j *jobs) add(owner *host, name string, when gocron.JobDefinition, fn func(context.Context) error) {
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

func (j *jobs) start(ctx context.Context) error {
	cron, err := gocron.NewScheduler(gocron.WithClock(j.d.clock), gocron.WithLocation(time.UTC))
	if err != nil {
		return err
	}
	j.mu.Lock()
	j.cron, j.until = cron, ctx
	list := j.list
	j.mu.Unlock()
	cron.Start() // first: it would set the timers of jobs that it knows in any order
	for _, one := range list {
		// Counted from the end of a run, so that a machine that slept catches up once.
		if _, err := cron.NewJob(one.when, gocron.NewTask(func() { j.run(ctx, one) }), gocron.WithIntervalFromCompletion()); err != nil {
			return errors.Join(fmt.Errorf("job %s: %w", one.id(), err), cron.Shutdown())
		}
	}
	return nil
}

func (j *jobs) stop() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cron == nil {
		return nil
	}
	return j.cron.Shutdown()
}

// run runs a job that is due. One that still runs is left to it.
func (j *jobs) run(ctx context.Context, one *job) {
	defer one.runs.Add(1)
	if !one.mu.TryLock() {
		return
	}
	defer one.mu.Unlock()
	if err := j.once(ctx, one); err != nil && ctx.Err() == nil {
		j.d.log.ErrorContext(ctx, "a job failed", "plugin", one.owner.id, "job", one.name, "err", err)
	}
}

func (one *job) id() string { return one.owner.id + "." + one.name }

// once runs a job whose lock is held.
func (j *jobs) once(ctx context.Context, one *job) error {
	if !one.owner.on() {
		return nil
	}
	return guard(func() error { return one.fn(one.owner.As(ctx)) })
}

// RunJob runs a job now, such as "snooze.wake", and returns its error. It
// waits for a run that is under way.
func (d *Desk) RunJob(ctx context.Context, name string) error {
	for _, one := range d.jobs.all() {
		if one.id() == name {
			one.mu.Lock()
			defer one.mu.Unlock()
			return d.jobs.once(ctx, one)
		}
	}
	return Errorf(NotFound, "there is no job %q", name)
}

func (j *jobs) all() []*job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.list
}

// JobState is a job with how often it was due and is done, in this process.
type JobState struct {
	Name string `json:"name"` // for RunJob
	Runs int64  `json:"runs"`
}

// Jobs lists the jobs of the desk and its plugins, in order of registration.
func (d *Desk) Jobs() []JobState {
	var out []JobState
	for _, one := range d.jobs.all() {
		out = append(out, JobState{one.id(), one.runs.Load()})
	}
	return out
}
