//go:build unix

package sdk

import (
	"os"
	"syscall"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// leaveWithParent ends the process, and what it has started, when the desk is gone:
// the desk holds the other end of a pipe.
func leaveWithParent() {
	pipe := os.NewFile(protocol.ParentFD, "parent")
	if info, err := pipe.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return // started by hand
	}
	syscall.CloseOnExec(protocol.ParentFD)
	go func() {
		_, _ = pipe.Read(make([]byte, 1))    // nothing is ever written
		_ = syscall.Kill(0, syscall.SIGKILL) // of which nobody hears
	}()
}
