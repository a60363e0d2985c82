package api

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

func (a *api) registerSchedule(o *rest.Owner) {
	o.Handle("GET /api/jobs", core.Admins, rest.JSON(a.listJobs, doc("What runs by itself: when it ran, how it went, when it runs next.")))
	o.Handle("GET /api/jobs/{job}/runs", core.Admins, rest.JSON(a.listRuns, doc("The newest hundred runs of a job, the latest first.")))
}

type jobList struct {
	Jobs []core.JobState `json:"jobs"`
}

func (a *api) listJobs(ctx context.Context, _ nothing) (jobList, error) {
	all, err := a.desk.Schedule.List(ctx)
	return jobList{list(all)}, err
}

type listRuns struct {
	Job string `path:"job"`
	page
}

type runList struct {
	Runs       []core.JobRun `json:"runs"`
	NextCursor *string       `json:"next_cursor"`
}

func (a *api) listRuns(ctx context.Context, in listRuns) (runList, error) {
	runs, cursor, err := a.desk.Schedule.Runs(ctx, in.Job, in.page.core())
	return runList{list(runs), next(cursor)}, err
}
