package external

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes put the process into a group of its own, and end it with the desk,
// also when that is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// limit bounds what a process may use.
func limit(pid int, o options) error {
	return errors.Join(
		unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: o.memory, Max: o.memory}, nil),
		unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: o.files, Max: o.files}, nil),
		unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil),
	)
}
