package core

import (
	"context"
	"fmt"
	"sync"
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
	for _, one := range list {
		task := gocron.NewTask(func() { j.run(ctx, one) })
		if _, err := cron.NewJob(one.when, task, gocron.WithSingletonMode(gocron.LimitModeReschedule)); err != nil {
			return fmt.Errorf("job %s.%s: %w", one.owner.id, one.name, err)
		}
	}
	cron.Start()
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

func (j *jobs) run(ctx context.Context, one *job) {
	if err := j.once(ctx, one); err != nil && ctx.Err() == nil {
		j.d.log.ErrorContext(ctx, "a job failed", "plugin", one.owner.id, "job", one.name, "err", err)
	}
}

func (j *jobs) once(ctx context.Context, one *job) error {
	if !one.owner.on() {
		return nil
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	return guard(func() error { return one.fn(one.owner.As(ctx)) })
}

// RunJob runs a job now, such as "snooze.wake", and returns its error. It
// waits for a run that is under way.
func (d *Desk) RunJob(ctx context.Context, name string) error {
	d.jobs.mu.Lock()
	list := d.jobs.list
	d.jobs.mu.Unlock()
	for _, one := range list {
		if one.owner.id+"."+one.name == name {
			return d.jobs.once(ctx, one)
		}
	}
	return Errorf(NotFound, "there is no job %q", name)
}
