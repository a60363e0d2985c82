package external

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Option says how a binary is run, and what it may do.
type Option func(*options)

type options struct {
	sha256    string
	granted   []string
	env       map[string]string
	args      []string
	dir       string
	plaintext bool
	ungrouped bool
	optional  bool
	memory    uint64
	files     uint64

	start, before, filter, deliver, job time.Duration
	answer                              time.Duration // of a route
	health                              time.Duration
	backoff                             time.Duration
}

func defaults() options {
	return options{
		env: map[string]string{}, memory: 1 << 30, files: 1024,
		start: 10 * time.Second, before: 250 * time.Millisecond, filter: 150 * time.Millisecond, deliver: 30 * time.Second, job: time.Hour,
		answer: 30 * time.Second,
		health: 5 * time.Second, backoff: time.Second,
	}
}

// SHA256 pins the binary: another one is not run. The sum is of 64 hexadecimal
// digits, as "hookdesk plugin verify" prints it. Exactly the bytes that were
// summed are run.
func SHA256(sum string) Option { return func(o *options) { o.sha256 = strings.ToLower(sum) } }

// Grant allows what the plugin may do to the desk, of what its manifest asks for:
// "tickets:read". Nothing is allowed by default.
func Grant(permissions ...string) Option {
	return func(o *options) { o.granted = append(o.granted, permissions...) }
}

// Env gives the process one environment variable; it has no others but those that
// the protocol needs.
func Env(name, value string) Option { return func(o *options) { o.env[name] = value } }

// Args gives the process arguments.
func Args(args ...string) Option { return func(o *options) { o.args = append(o.args, args...) } }

// Dir is a folder in which each process gets a private one for its sockets and its
// copy of the binary; the system's temporary folder by default. Its path must be
// short, for a socket's is at most 108 bytes, and the file system must allow
// programs.
func Dir(path string) Option { return func(o *options) { o.dir = path } }

// Plaintext does without the certificates of go-plugin, for plugins in languages
// that cannot read them. The socket lies in a folder that only the desk's own user
// may enter; other processes of that user could then talk to the plugin.
func Plaintext() Option { return func(o *options) { o.plaintext = true } }

// Optional lets the desk start without the plugin when its binary cannot be run or
// described at the start of the desk. Without it, the desk does not start.
func Optional() Option { return func(o *options) { o.optional = true } }

// Limits bounds what the process may use: bytes of memory, and open files. 0
// leaves the usual: 1 GiB and 1024. Only Linux enforces them.
func Limits(memory, files uint64) Option {
	return func(o *options) {
		if memory != 0 {
			o.memory = memory
		}
		if files != 0 {
			o.files = files
		}
	}
}

// Deadlines replaces those of Before (250 ms), Filter (150 ms) and After (30 s)
// handlers that ask for none themselves; 0 leaves one as it is.
func Deadlines(before, filter, after time.Duration) Option {
	return func(o *options) {
		for to, d := range map[*time.Duration]time.Duration{&o.before: before, &o.filter: filter, &o.deliver: after} {
			if d > 0 {
				*to = d
			}
		}
	}
}

// StartWithin replaces the 10 seconds that a process may take until it is ready; 0
// leaves them.
func StartWithin(d time.Duration) Option {
	return func(o *options) {
		if d > 0 {
			o.start = d
		}
	}
}

// AnswerWithin replaces the 30 seconds that a route may take until it begins to
// answer; 0 leaves them. What it sends then may take as long as it likes.
func AnswerWithin(d time.Duration) Option {
	return func(o *options) {
		if d > 0 {
			o.answer = d
		}
	}
}

// WithoutCgroup leaves the process in the control group of the desk. By default, on
// Linux, it has one below it where the desk may make one, so that with the process
// ends whatever it has started.
func WithoutCgroup() Option { return func(o *options) { o.ungrouped = true } }

// environment is what the process gets beside what go-plugin adds.
func (o options) environment() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(o.env)) {
		out = append(out, name+"="+o.env[name])
	}
	return out
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// idOf makes an id of the name of a binary.
func idOf(path string) string {
	id := notInID.ReplaceAllString(strings.ToLower(filepath.Base(path)), "")
	id = strings.TrimLeft(id, "0123456789")
	if len(id) < 2 {
		return "external"
	}
	return id[:min(len(id), 31)]
}

// silence takes what a process says that is only to be described.
type silence struct{}

func (silence) Write(p []byte) (int, error) { return len(p), nil }
