//go:build unix && !linux

package external

import "syscall"

// cgroup is what only Linux has.
type cgroup struct{}

func newCgroup() *cgroup { return nil }

func (*cgroup) join(*syscall.SysProcAttr) {}

func (*cgroup) joined() {}

func (*cgroup) kill() {}

func (*cgroup) remove() {}

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// limit does nothing: only Linux sets the limits of another process.
func limit(int, options) error { return nil }
