package external_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/external"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// folder finds the private folder of the one process whose folders lie in dir.
func folder(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "hd-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	return found[0]
}

func TestWithoutCertificatesAStrangerWithoutTheTokenIsRefused(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	d := desktest.New(t, desktest.SQLite, as(t, "classify", external.Plaintext(), external.Dir(dir), external.Grant("tickets:read", "tickets:write")))
	opened(d, "down").Want(201)
	private := folder(t, dir)
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may enter: %v %v", info.Mode(), err)
	}
	conn, err := grpc.NewClient("unix:"+filepath.Join(private, "host.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	desk := protocol.NewHostClient(conn)
	for name, ctx := range map[string]context.Context{
		"no token":      t.Context(),
		"another token": metadata.AppendToOutgoingContext(t.Context(), protocol.TokenKey, "guess"),
		"two tokens":    metadata.AppendToOutgoingContext(t.Context(), protocol.TokenKey, "guess", protocol.TokenKey, "guess"),
	} {
		if _, err := desk.Call(ctx, &protocol.CallRequest{Method: "GET", Path: "/api/tickets/1"}); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: Call: %v", name, err)
		}
		if _, err := desk.Put(ctx, &protocol.Value{Key: "x", Value: "1"}); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: Put: %v", name, err)
		}
		log, err := desk.Log(ctx)
		if err == nil {
			_, err = log.CloseAndRecv()
		}
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: Log: %v", name, err)
		}
	}
	if got := askUnsigned(t, filepath.Join(private, "http.sock")); got != http.StatusUnauthorized {
		t.Errorf("a request that the desk has not signed is answered with %d", got)
	}
	checkSockets(t, private)
}

// askUnsigned asks the plugin's own socket for a route, as nobody.
func askUnsigned(t *testing.T, socket string) int {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://plugin/api/classify/tickets/1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// checkSockets looks for one that lies outside of the private folder: there should
// be all three.
func checkSockets(t *testing.T, private string) {
	t.Helper()
	sockets := 0
	err := filepath.WalkDir(private, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type() == fs.ModeSocket {
			sockets++
		}
		return err
	})
	if err != nil || sockets != 3 {
		t.Errorf("%d sockets, want those of the desk, of the plugin and of its routes: %v", sockets, err)
	}
}

// A plugin that cannot do with certificates, run with them, must fail soon and say
// so, not hang.
func TestAPluginThatSpeaksPlainlyIsNotWaitedForWithCertificates(t *testing.T) {
	t.Parallel()
	_, err := newDesk(t, as(t, "plain"))
	if !errors.Is(err, external.ErrPlaintext) {
		t.Errorf("it ended with %v", err)
	}
}

// newDesk is a desk that may refuse to start.
func newDesk(t *testing.T, plugins ...core.Plugin) (*core.Desk, error) {
	t.Helper()
	db, err := core.Open("sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	return core.New(core.Config{DB: db, Plugins: plugins})
}

// plain is a plugin of a language that knows nothing of go-plugin's certificates.
func plain() {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "plain.sock"))
	if err != nil {
		panic(err)
	}
	s := grpc.NewServer()
	protocol.RegisterPluginServer(s, protocol.UnimplementedPluginServer{})
	fmt.Printf("1|1|unix|%s|grpc|\n", l.Addr())
	if err := s.Serve(l); err != nil {
		panic(err)
	}
}

func TestTheProcessHasTheEnvironmentThatIsWrittenDown(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, err = newDesk(t, as(t, "env"))
	if err == nil {
		t.Fatal("it started")
	}
	names := 0
	for line := range strings.SplitSeq(err.Error(), " | ") {
		if _, name, ok := strings.Cut(line, "variable "); ok && name != roleEnv {
			names++
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/protocol.md does not know %s", name)
			}
		}
	}
	if names < 5 {
		t.Errorf("too few: %v", err)
	}
}
