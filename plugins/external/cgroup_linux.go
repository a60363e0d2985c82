package external

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cgroup holds a plugin's process and all that it starts, also what has left its
// process group. A nil one does nothing: most desks may not make any.
type cgroup struct {
	path   string
	folder *os.File // until the process is started in it
}

// cgroupPrefix is followed by the process id of the desk.
const cgroupPrefix = "hookdesk-"

// newCgroup makes a group (of version 2) below the desk's own; nil if the desk may not.
func newCgroup() *cgroup {
	own := ownCgroup()
	if own == "" {
		return nil
	}
	sweepCgroups(own)
	path, err := os.MkdirTemp(own, cgroupPrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return nil
	}
	g := &cgroup{path: path}
	if g.folder, err = os.Open(path); err == nil { //nolint:gosec // it was made just now
		_, err = os.Stat(filepath.Join(path, "cgroup.kill")) // since Linux 5.14
	}
	if err != nil {
		g.joined()
		g.remove()
		return nil
	}
	return g
}

// ownCgroup is the folder of the group that this process is in; "" if there is none.
func ownCgroup() string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	groups, err2 := os.ReadFile("/proc/self/cgroup")
	if errors.Join(err, err2) != nil {
		return ""
	}
	for group := range strings.Lines(string(groups)) {
		in, unified := strings.CutPrefix(strings.TrimSpace(group), "0::")
		if !unified {
			continue
		}
		for mount := range strings.Lines(string(mounts)) {
			if fields := strings.Fields(mount); len(fields) > 4 && strings.Contains(mount, " - cgroup2 ") {
				return filepath.Join(fields[4], in)
			}
		}
	}
	return ""
}

// sweepCgroups ends what desks have left that were killed.
func sweepCgroups(own string) {
	left, err := filepath.Glob(filepath.Join(own, cgroupPrefix+"*"))
	if err != nil {
		return // the pattern is ours
	}
	var dead []*cgroup
	for _, path := range left {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(path), cgroupPrefix+"%d-", &pid); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			g := &cgroup{path: path}
			g.kill()
			dead = append(dead, g)
		}
	}
	for range 20 { // what cannot be removed soon is not waited for: the next start sees it again
		if dead = slices.DeleteFunc(dead, (*cgroup).removed); len(dead) == 0 {
			return
		}
		<-time.After(sweepPause)
	}
}

// join makes a process that is started with a the first of the group.
func (g *cgroup) join(a *syscall.SysProcAttr) {
	if g != nil {
		a.UseCgroupFD, a.CgroupFD = true, int(g.folder.Fd())
	}
}

// joined is called once the process has been started.
func (g *cgroup) joined() {
	if g != nil && g.folder != nil {
		_ = g.folder.Close() // it was only opened
	}
}

// kill ends all that is in the group.
func (g *cgroup) kill() {
	if g != nil {
		_ = os.WriteFile(filepath.Join(g.path, "cgroup.kill"), []byte("1"), 0) // what is gone already is as good
	}
}

// remove takes the group away once nothing lives in it.
func (g *cgroup) remove() {
	if g == nil {
		return
	}
	for range 100 {
		if g.removed() {
			return
		}
		<-time.After(sweepPause)
	}
}

// sweepPause is for who was killed and is about to end.
const sweepPause = 10 * time.Millisecond

// removed tries once to take the group away, with those that the plugin has made below it.
func (g *cgroup) removed() bool {
	below, err := filepath.Glob(filepath.Join(g.path, "*", "cgroup.procs"))
	if err != nil {
		return false // the pattern is ours
	}
	for _, path := range below {
		(&cgroup{path: filepath.Dir(path)}).removed()
	}
	return !errors.Is(syscall.Rmdir(g.path), syscall.EBUSY)
}
