//go:build unix

package core

import (
	"errors"
	"syscall"
)

// canWriteRaw: the file of a connection can be written to without waiting.
const canWriteRaw = true

func (w *wire) writeRaw(text []byte) (n int, broken bool) {
	var failed error
	err := w.raw.Write(func(fd uintptr) bool {
		for n < len(text) && failed == nil {
			var m int
			m, failed = syscall.Write(int(fd), text[n:])
			n += max(m, 0)
			if errors.Is(failed, syscall.EINTR) {
				failed = nil
			}
		}
		return true // what the connection does not take now is tried again later
	})
	full := errors.Is(failed, syscall.EAGAIN)
	return n, err != nil || failed != nil && !full
}
