package external_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/external"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

func TestAProcessThatNeedsTooMuchMemoryEndsAlone(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the race detector alone needs more than the limit")
	}
	d := desktest.New(t, desktest.SQLite, as(t, "eats memory", external.Limits(256<<20, 0), external.Deadlines(5*time.Second, 0, 0)))
	d.AllowErrors()
	first := process(d)
	opened(d, "x").Want(503)
	await(t, d, "replaced", func(p core.Process) bool {
		return p.State == "ready" && p.PID != first.PID && strings.Contains(p.LastError, "exit status 2")
	})
	d.Do(desktest.Agent, "GET /api/tickets", nil).Want(200)
}

func TestAProcessHasNothingOfTheDesks(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, as(t, "classify"))
	proc := "/proc/" + strconv.Itoa(process(d).PID)
	text, err := os.ReadFile(proc + "/environ")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for v := range strings.SplitSeq(strings.TrimRight(string(text), "\x00"), "\x00") {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"HOOKDESK_PLUGIN", "PLUGIN_CLIENT_CERT", "PLUGIN_MAX_PORT", "PLUGIN_MIN_PORT", "PLUGIN_PROTOCOL_VERSIONS", roleEnv, "PLUGIN_UNIX_SOCKET_DIR"}
	if !slices.Equal(names, want) {
		t.Errorf("its environment is %v, not %v", names, want)
	}
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		target, err := os.Readlink(proc + "/fd/" + f.Name())
		if err != nil {
			continue // closed since
		}
		kind, _, _ := strings.Cut(target, ":")
		if strings.HasPrefix(target, "/sys/fs/cgroup/") {
			continue // Go's runtime has opened it, to know how many processors there are
		}
		if !slices.Contains([]string{"/dev/null", "pipe", "socket", "anon_inode"}, kind) {
			t.Errorf("its descriptor %s is %s", f.Name(), target)
		}
	}
	if at, err := os.Readlink(proc + "/cwd"); err != nil || at != "/" {
		t.Errorf("it works in %s, %v", at, err)
	}
}

func TestAForeignProcessIsRefusedOnBothSockets(t *testing.T) {
	t.Parallel()
	knock := func(folder string, with credentials.TransportCredentials) error {
		sockets, err := filepath.Glob(folder + "/plugin-dir*/plugin*")
		if err != nil || len(sockets) != 1 {
			t.Fatalf("%v, %v", sockets, err)
		}
		_, err = protocol.NewPluginClient(dial(t, sockets[0], with)).Describe(t.Context(), &protocol.DescribeRequest{Versions: []uint32{1}})
		return err
	}
	open := folderOf(t, external.Plaintext())
	if err := knock(open, insecure.NewCredentials()); err != nil {
		t.Errorf("this would not show anything, for it is refused in any case: %v", err)
	}
	folder := folderOf(t)
	if err := knock(folder, insecure.NewCredentials()); err == nil {
		t.Error("the plugin answers a stranger")
	}
	if err := knock(folder, credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})); err == nil {
		t.Error("the plugin answers a stranger without a certificate")
	}
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of the sockets: %v, %v", info.Mode(), err)
	}
	host := protocol.NewHostClient(dial(t, folder+"/host.sock", insecure.NewCredentials()))
	if _, err := host.Call(t.Context(), &protocol.CallRequest{Method: "GET", Path: "/api/tickets"}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("the desk says to a stranger: %v", err)
	}
}

// folderOf is that of a plugin's process, which runs.
func folderOf(t *testing.T, with ...external.Option) string {
	t.Helper()
	dir := shortDir(t)
	desktest.New(t, desktest.SQLite, as(t, "classify", append(with, external.Dir(dir))...))
	folders, err := filepath.Glob(dir + "/hd-*")
	if err != nil || len(folders) != 1 {
		t.Fatalf("%v, %v", folders, err)
	}
	return folders[0]
}

func dial(t *testing.T, socket string, with credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(with), grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// deskDirEnv is where the desk of the role "desk" keeps its sockets, and pluginEnv
// the role of its plugin.
const (
	deskDirEnv = "DESK_DIR"
	pluginEnv  = "DESK_PLUGIN"
)

// beDesk is the main of a desk that has plugins until it is killed.
func beDesk() {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	config := core.Config{}
	if config.DB, err = core.Open("sqlite::memory:"); err != nil {
		panic(err)
	}
	plugin := external.New(self, external.Env(roleEnv, os.Getenv(pluginEnv)), external.Env("PATH", os.Getenv("PATH")), external.Dir(os.Getenv(deskDirEnv)))
	config.Plugins = []core.Plugin{plugin}
	desk, err := core.New(config)
	if err != nil {
		panic(err)
	}
	go func() { panic(desk.Run(context.Background())) }()
	for plugin.Process().PID == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	fmt.Println(plugin.Process().PID)
	forever()
}

// startDesk runs a desk in another process, with a plugin of that role, whose process it tells.
func startDesk(t *testing.T, role string) (desk *exec.Cmd, plugin int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "x") //nolint:usetesting // whose names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	desk = exec.CommandContext(t.Context(), self)
	desk.Env = append(os.Environ(), roleEnv+"=desk", pluginEnv+"="+role, deskDirEnv+"="+dir)
	desk.Stderr = os.Stderr
	out, err := desk.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := desk.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	plugin, err = strconv.Atoi(strings.TrimSpace(line))
	if err != nil || syscall.Kill(plugin, 0) != nil {
		t.Fatalf("the plugin does not run: %q, %v", line, err)
	}
	return desk, plugin
}

func kill(t *testing.T, desk *exec.Cmd) {
	t.Helper()
	if err := desk.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = desk.Wait() // it was killed, as it says
}

// ends waits a second for a process to end.
func ends(t *testing.T, pid int) {
	t.Helper()
	for range 100 {
		if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the process %d lives on after a second", pid)
	_ = syscall.Kill(pid, syscall.SIGKILL) // nobody else will
}

func TestADeskThatIsKilledLeavesNoProcess(t *testing.T) {
	t.Parallel()
	desk, plugin := startDesk(t, "classify")
	kill(t, desk)
	ends(t, plugin)
}

// cgroupOf is the folder of the group that holds a plugin's process, and who is in
// it. Where a desk may make none, the test is skipped.
func cgroupOf(t *testing.T, pid int) (folder string, members []int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, path, _ := strings.Cut(string(text), "0::")
	name := filepath.Base(strings.TrimSpace(path))
	if !strings.HasPrefix(name, "hookdesk-") {
		t.Skip("a desk may not make control groups here")
	}
	folder = filepath.Join(external.OwnCgroup(), name)
	text, err = os.ReadFile(filepath.Join(folder, "cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		member, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, member)
	}
	if len(members) < 2 {
		t.Fatalf("the plugin and its child are not in %s: %v", folder, members)
	}
	return folder, members
}

func isGone(t *testing.T, folder string) {
	t.Helper()
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("%s is there still: %v", folder, err)
	}
}

func TestWhatAProcessStartsEndsWithItWhereverItGoes(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, as(t, "has a child that flees", external.Env("PATH", os.Getenv("PATH"))))
	folder, members := cgroupOf(t, process(d).PID)
	if err := os.MkdirAll(folder+"/one/below", 0o700); err != nil { // as a plugin may that uses groups itself
		t.Fatal(err)
	}
	d.Do(desktest.Admin, "POST /api/plugins/sick/disable", nil).Want(200)
	for _, pid := range members {
		ends(t, pid)
	}
	isGone(t, folder)
}

func TestWhatAKilledDeskHasLeftEndsWithTheNextStart(t *testing.T) {
	t.Parallel()
	desk, plugin := startDesk(t, "has a child that flees")
	folder, members := cgroupOf(t, plugin)
	kill(t, desk)
	desktest.New(t, desktest.SQLite, as(t, "classify"))
	for _, pid := range members {
		ends(t, pid)
	}
	isGone(t, folder)
}

func TestABinaryThatIsExchangedIsNotRun(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "classify")
	if err := os.WriteFile(path, content, 0o700); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	p := external.New(path, external.SHA256(hex.EncodeToString(sum[:])), external.Env(roleEnv, "classify"), external.Dir(shortDir(t)))
	d := desktest.New(t, desktest.SQLite, p)
	d.AllowErrors()
	first := process(d)
	if err := os.WriteFile(path+".new", append(content, "more"...), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	opened(d, "down").Want(201) // what runs is the copy
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, d, "refused", func(now core.Process) bool { return strings.Contains(now.LastError, "it is not run") })
	if now := process(d); now.PID != 0 {
		t.Errorf("another binary runs: %+v", now)
	}
}

func TestAProcessThatHangsWhenSettingsAreSavedIsReplaced(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, as(t, "raw hangs at other settings", external.StartWithin(2*time.Second)))
	d.AllowErrors()
	first := process(d)
	d.Do(desktest.Admin, "PUT /api/settings/sick", map[string]any{"value": map[string]any{"word": "new"}}).Want(200)
	await(t, d, "replaced", func(p core.Process) bool { return p.State == "ready" && p.PID != first.PID })
}
