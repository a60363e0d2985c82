package rest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// tracker knows whether an answer has begun, so that a failure becomes either
// a problem or a cut connection, never a problem behind half an answer. It
// hides nothing of the writer below: see http.ResponseController.
type tracker struct {
	http.ResponseWriter
	begun bool
}

func track(w http.ResponseWriter) *tracker {
	if t, ok := w.(*tracker); ok {
		return t
	}
	return &tracker{ResponseWriter: w}
}

// WriteHeader begins the answer, unless code only informs (1xx).
func (t *tracker) WriteHeader(code int) {
	t.begun = t.begun || code >= 200 || code == http.StatusSwitchingProtocols
	t.ResponseWriter.WriteHeader(code)
}

// Write begins the answer.
func (t *tracker) Write(p []byte) (int, error) {
	t.begun = true
	return t.ResponseWriter.Write(p)
}

// ReadFrom begins the answer and lets the writer below send a file by itself.
func (t *tracker) ReadFrom(r io.Reader) (int64, error) {
	t.begun = true
	return io.Copy(t.ResponseWriter, r)
}

// FlushError begins the answer.
func (t *tracker) FlushError() error {
	err := http.NewResponseController(t.ResponseWriter).Flush()
	t.begun = t.begun || !errors.Is(err, http.ErrNotSupported)
	return err
}

// Flush is FlushError for those who ask for an http.Flusher.
func (t *tracker) Flush() {
	_ = t.FlushError() // http.Flusher has no way to say it
}

// Hijack takes the connection over: nothing may be written after it.
func (t *tracker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	t.begun = t.begun || err == nil
	return conn, rw, err
}

// Unwrap is for http.ResponseController.
func (t *tracker) Unwrap() http.ResponseWriter { return t.ResponseWriter }
