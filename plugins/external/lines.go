package external

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"strings"
	"sync"
	"time"
)

func newHash() hash.Hash { return sha256.New() }

// lines passes on what a process writes, whole lines of a bounded length, and keeps
// the last of it.
type lines struct {
	mu   sync.Mutex
	out  io.Writer
	part []byte
	last []string

	first chan struct{} // closed once there is a line
}

const (
	maxLine  = 4096
	keptTail = 8
)

// cut bounds what is not written line by line.
func cut(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxLine)], "") }

func newLines(out io.Writer) *lines { return &lines{out: out, first: make(chan struct{})} }

// Write implements io.Writer; it never fails.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		if room := maxLine - len(l.part); room > 0 {
			l.part = append(l.part, line[:min(room, len(line))]...)
		}
		if whole {
			l.emit()
		}
		p = rest
	}
	return n, nil
}

func (l *lines) emit() {
	text := strings.TrimRight(string(l.part), "\r")
	l.part = l.part[:0]
	if text == "" {
		return
	}
	if len(l.last) == 0 {
		close(l.first)
	}
	if l.last = append(l.last, text); len(l.last) > keptTail {
		l.last = l.last[1:]
	}
	_, _ = io.WriteString(l.out, text+"\n") // who listens never fails
}

// lastWords is how long is waited for what a process that has ended had to say.
const lastWords = 100 * time.Millisecond

// tail is the last that was written, for an error that tells of the end.
func (l *lines) tail() string {
	select {
	case <-l.first:
	case <-time.After(lastWords):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.last) == 0 {
		return ""
	}
	return "; it wrote: " + strings.Join(l.last, " | ")
}
