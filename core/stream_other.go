//go:build !unix

package core

// canWriteRaw is false where the file of a connection is no file.
const canWriteRaw = false

func (*wire) writeRaw([]byte) (n int, broken bool) { return 0, true }

// gone is found out by writing.
func (w *wire) gone() bool { return false }
