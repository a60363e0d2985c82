//go:build unix

package external

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// groupRunner runs a binary in a process group of its own, with nothing of the
// desk's but three pipes, and with the end of a fourth that tells it when the desk
// has gone.
type groupRunner struct {
	path           string
	env            []string
	cmd            *exec.Cmd // the last one that was tried
	stdout, stderr *os.File  // our ends
	parent         *os.File  // our end: closed with us
	theirs         []*os.File
	o              options
	cgroup         *cgroup

	mu     sync.Mutex
	pid    int
	exited chan struct{}
	err    error
}

func newRunner(path string, o options, env []string) (*groupRunner, error) {
	r := &groupRunner{path: path, env: append(o.environment(), env...), o: o, exited: make(chan struct{})}
	var pipes [3][2]*os.File
	for i := range pipes {
		var err error
		if pipes[i][0], pipes[i][1], err = os.Pipe(); err != nil {
			return nil, err
		}
	}
	r.stdout, r.stderr, r.parent = pipes[0][0], pipes[1][0], pipes[2][1]
	if !o.ungrouped {
		r.cgroup = newCgroup()
	}
	r.theirs = []*os.File{pipes[0][1], pipes[1][1], pipes[2][0]}
	return r, nil
}

// command is what is run. One that could not be started is of no more use.
func (r *groupRunner) command() *exec.Cmd {
	cmd := exec.Command(r.path, r.o.args...)                                        //nolint:gosec,noctx // the operator's binary, killed by its group
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = r.theirs[0], r.theirs[1], r.theirs[2:] // the last becomes protocol.ParentFD
	cmd.Env, cmd.Dir, cmd.SysProcAttr = r.env, "/", attributes()
	r.cgroup.join(cmd.SysProcAttr)
	return cmd
}

const busyFor = 2 * time.Millisecond

// Start implements runner.Runner. The process is started by a thread that lives as
// long as it does, for Linux ends it with that thread.
func (r *groupRunner) Start(context.Context) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := r.launch()
		started <- err
		if err == nil {
			r.err = r.cmd.Wait()
			r.killGroup()
		}
		_ = r.parent.Close() // nobody reads it any more
		close(r.exited)
	}()
	return <-started
}

func (r *groupRunner) launch() error {
	defer func() {
		for _, f := range r.theirs {
			_ = f.Close() // the process has its own
		}
	}()
	err := r.try()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cgroup.joined()
	if err != nil && r.cgroup != nil { // not every system lets a process be started in one
		r.cgroup.remove()
		r.cgroup = nil
		err = r.try()
	}
	if err != nil {
		return err
	}
	r.pid = r.cmd.Process.Pid
	if err = limit(r.pid, r.o); err != nil {
		_ = syscall.Kill(-r.pid, syscall.SIGKILL) // what has no limits does not run
		_ = r.cmd.Wait()                          // it was killed, as it will say
	}
	return err
}

// try starts the process, again for as long as the binary is busy: another thread
// that forks at this moment holds it open for writing.
func (r *groupRunner) try() (err error) {
	for range 100 {
		r.cmd = r.command()
		if err = r.cmd.Start(); !errors.Is(err, syscall.ETXTBSY) {
			break
		}
		<-time.After(busyFor)
	}
	return err
}

// killGroup ends the process and what it has started.
func (r *groupRunner) killGroup() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pid > 0 {
		_ = syscall.Kill(-r.pid, syscall.SIGKILL) // gone already is as good
	}
	r.cgroup.kill()
}

// close lets go of what the process wrote to; whatever it has left behind may still
// hold the other ends.
func (r *groupRunner) close() {
	_ = r.stdout.Close() // it is only read
	_ = r.stderr.Close() // the same
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cgroup.remove()
}

// gone is closed once the process has ended.
func (r *groupRunner) gone() <-chan struct{} { return r.exited }

// Wait implements runner.Runner.
func (r *groupRunner) Wait(context.Context) error {
	<-r.exited
	return r.err
}

// Kill implements runner.Runner.
func (r *groupRunner) Kill(context.Context) error {
	r.killGroup()
	return nil
}

// Diagnose implements runner.Runner.
func (r *groupRunner) Diagnose(context.Context) string { return "" }

// Stdout implements runner.Runner.
func (r *groupRunner) Stdout() io.ReadCloser { return r.stdout }

// Stderr implements runner.Runner.
func (r *groupRunner) Stderr() io.ReadCloser { return r.stderr }

// Name implements runner.Runner.
func (r *groupRunner) Name() string { return r.path }

// ID implements runner.Runner.
func (r *groupRunner) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pid == 0 {
		return ""
	}
	return strconv.Itoa(r.pid)
}

// PluginToHost implements runner.Runner.
func (r *groupRunner) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}

// HostToPlugin implements runner.Runner.
func (r *groupRunner) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}
