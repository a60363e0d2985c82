package external

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	plugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// process is one run of a binary. It is never used again once it has ended: a
// restart is another process, as go-plugin needs it.
type process struct {
	protocol.PluginClient

	sum     string // SHA-256 of what runs
	dir     string // private: the binary, the sockets
	token   string
	key     []byte // of signed requests
	client  *plugin.Client
	run     *groupRunner
	host    *grpc.Server // answers this process's calls to the desk
	web     *http.Transport
	batch   *batcher
	breaker breaker        // of calls
	routes  breaker        // a slow page is no reason to refuse tickets
	calls   sync.WaitGroup // see borrow

	settings atomic.Pointer[string] // that it was last told

	over func() // see kill
}

// idle waits until nobody calls the process, which nobody is given any more, but
// not longer than most.
func (r *process) idle(ctx context.Context, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	none := make(chan struct{})
	go func() { r.calls.Wait(); close(none) }() // a call has a deadline, and a stream ends with its process
	select {
	case <-none:
	case <-ctx.Done():
	}
}

// maxMessage is the largest message that is taken from a plugin.
const maxMessage = 4 << 20

// launch runs the binary at path and asks what it is. What it writes by itself goes
// to out.
func (p *Plugin) launch(ctx context.Context, path string, out io.Writer) (*process, *protocol.Manifest, error) {
	proc, err := p.prepare(path)
	if err != nil {
		return nil, nil, err
	}
	raw, err := proc.connect(ctx, p.o, out)
	if err != nil {
		proc.kill()
		return nil, nil, err
	}
	proc.PluginClient = raw
	told, err := raw.Describe(ctx, &protocol.DescribeRequest{Versions: []uint32{protocol.Version}})
	if err != nil {
		proc.kill()
		if !p.o.plaintext && status.Code(err) == codes.Unavailable {
			err = fmt.Errorf("%w (%w)", err, ErrPlaintext)
		}
		return nil, nil, fmt.Errorf("describe: %w", err)
	}
	return proc, told, nil
}

// prepare copies the binary into a folder of its own, and sums what it copies: no
// other bytes than those are run.
func (p *Plugin) prepare(path string) (proc *process, err error) {
	dir, err := os.MkdirTemp(p.o.dir, "hd-")
	if err != nil {
		return nil, err
	}
	proc = &process{dir: dir, token: secret(), key: []byte(secret())}
	proc.over = sync.OnceFunc(proc.end)
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if len(proc.hostSocket()) > maxSocketPath {
		return nil, fmt.Errorf("the path of %s is too long for a socket: choose a shorter one by Dir", dir)
	}
	proc.sum, err = copyAndSum(path, proc.binary())
	switch {
	case err != nil:
		return nil, err
	case p.o.sha256 != "" && proc.sum != p.o.sha256:
		return nil, fmt.Errorf("%s has the SHA-256 %s, not %s: it is not run", path, proc.sum, p.o.sha256)
	}
	return proc, nil
}

func secret() string { return rand.Text() }

func (r *process) binary() string     { return filepath.Join(r.dir, "plugin") }
func (r *process) hostSocket() string { return filepath.Join(r.dir, "host.sock") }
func (r *process) webSocket() string  { return filepath.Join(r.dir, "http.sock") }

// maxSocketPath is what fits in a socket's address on the most narrow of systems,
// beside the names that go-plugin makes.
const maxSocketPath = 80

// connect starts the process and shakes hands.
func (r *process) connect(ctx context.Context, o options, out io.Writer) (protocol.PluginClient, error) {
	lines := newLines(out)
	deadline := o.start
	if at, ok := ctx.Deadline(); ok {
		deadline = min(deadline, time.Until(at)) //nolint:forbidigo // a context's deadline is of the real clock
	}
	r.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  protocol.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{protocol.Version: {protocol.Service: &protocol.GRPC{}}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         !o.plaintext,
		SkipHostEnv:      true,
		StartTimeout:     max(deadline, time.Millisecond),
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: r.dir},
		Logger:           hclog.NewNullLogger(),
		Stderr:           lines, SyncStdout: lines, SyncStderr: lines,
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithIdleTimeout(0),
			grpc.WithInitialWindowSize(protocol.Window), grpc.WithInitialConnWindowSize(protocol.Window),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)), // go-plugin takes 2 GB
		},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			var err error
			r.run, err = newRunner(r.binary(), o, cmd.Env)
			return r.run, err
		},
	})
	conn, err := r.client.Client()
	if err != nil {
		r.kill() // which waits for the last of what it wrote
		if strings.HasPrefix(err.Error(), "Unrecognized remote plugin message") {
			err = errors.New("it did not print the handshake of a plugin") // in go-plugin's words, two lines that say less
		}
		return nil, fmt.Errorf("start: %w%s", err, lines.tail())
	}
	raw, err := conn.Dispense(protocol.Service)
	if err != nil {
		return nil, err
	}
	client, ok := raw.(protocol.PluginClient)
	if !ok {
		return nil, fmt.Errorf("go-plugin gave a %T", raw)
	}
	r.web = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", r.webSocket())
		},
		ResponseHeaderTimeout: o.answer, MaxIdleConns: 16, IdleConnTimeout: time.Minute, DisableCompression: true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return client, nil
}

// pid is 0 before there is one.
func (r *process) pid() int {
	if r.run == nil {
		return 0
	}
	pid, err := strconv.Atoi(r.run.ID())
	if err != nil {
		return 0
	}
	return pid
}

// kill ends the process, and all that it has started, at once.
func (r *process) kill() { r.over() }

func (r *process) end() {
	if r.run != nil {
		r.run.killGroup()
	}
	if r.host != nil {
		r.host.Stop()
	}
	if r.web != nil {
		r.web.CloseIdleConnections()
	}
	if r.client != nil {
		done := make(chan struct{})
		go func() { defer close(done); r.client.Kill() }() // it may wait for who knows what
		select {
		case <-done:
		case <-time.After(5 * time.Second):
		}
	}
	if r.run != nil {
		r.run.close()
	}
	_ = os.RemoveAll(r.dir) // what cannot be removed is in a folder for the temporary
}

// chunk is large enough that the two who hand it over rarely wait for each other.
const chunk = 1 << 20

// copyAndSum copies a file to one that may be run, and gives its SHA-256.
func copyAndSum(from, to string) (sum string, err error) {
	in, err := os.Open(from) //nolint:gosec // the path is the operator's
	if err != nil {
		return "", err
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, fmt.Errorf("%s is no file", from))
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o500) //nolint:gosec // it is to be run
	if err != nil {
		return "", err
	}
	copied, toSum := io.Pipe()
	go func() { // beside the summing: a large binary spends half of its start here
		plain := struct{ io.Reader }{in} // a file would pass by the buffer
		_, err := io.CopyBuffer(io.MultiWriter(out, toSum), plain, make([]byte, chunk))
		_ = toSum.CloseWithError(err) // which is always nil
	}()
	h := newHash()
	_, err = io.CopyBuffer(h, copied, make([]byte, chunk))
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, out.Close())
}
