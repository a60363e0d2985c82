package core

import "context"

// fence travels with the context of a job: the lease under which it runs.
type fence struct {
	job   string
	token int64
}

type fenceKey struct{}

func withFence(ctx context.Context, f fence) context.Context {
	return context.WithValue(ctx, fenceKey{}, f)
}

// passFence fails with errLost when the job of ctx has lost its lease, and holds
// the lease until the end of the transaction of ctx: a process that was stopped
// for too long and wakes up cannot do a job's work a second time.
func (d *Desk) passFence(ctx context.Context) error {
	f, ok := ctx.Value(fenceKey{}).(fence)
	if !ok {
		return nil
	}
	return prove[jobRow](ctx, d.store, f.job, f.token)
}
