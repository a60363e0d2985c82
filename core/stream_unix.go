//go:build unix

package core

import (
	"errors"
	"syscall"
)

// canWriteRaw: the file of a connection can be written to without waiting.
const canWriteRaw = true

// gone reports whether the other side has hung up. A browser says nothing on a
// stream, so there is nothing to read but that.
func (w *wire) gone() (closed bool) {
	if w.raw == nil {
		return false
	}
	err := w.raw.Read(func(fd uintptr) bool {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = err == nil && n == 0 || errors.Is(err, syscall.ECONNRESET)
		return true
	})
	return closed || err != nil
}

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
