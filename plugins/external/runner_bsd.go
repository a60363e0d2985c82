//go:build unix && !linux

package external

import "syscall"

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// limit does nothing: only Linux sets the limits of another process.
func limit(int, options) error { return nil }
