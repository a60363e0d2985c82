package protocol

import (
	"bytes"
	"net/http"
)

// Recorder is an http.ResponseWriter that keeps what is written, for it to cross
// the border as one message.
type Recorder struct {
	Body bytes.Buffer

	header http.Header
	status int
}

// NewRecorder is an empty one.
func NewRecorder() *Recorder { return &Recorder{header: http.Header{}} }

// Header implements http.ResponseWriter.
func (r *Recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter: the first one counts.
func (r *Recorder) WriteHeader(code int) {
	if r.status == 0 {
		r.status = code
	}
}

// Write implements http.ResponseWriter.
func (r *Recorder) Write(p []byte) (int, error) { return r.Body.Write(p) }

// Status is what was answered.
func (r *Recorder) Status() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
