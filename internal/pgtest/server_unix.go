//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// tmp is not os.TempDir: the path of a socket may have 107 bytes at most, and
// the unprivileged user that the server runs as must reach it.
const tmp = "/tmp"

// errNone names both remedies.
var errNone = errors.New("pgtest: no PostgreSQL for the tests: set " + EnvDSN +
	" to a server whose role may create databases, or install the server's binaries" +
	" (Debian: apt-get install postgresql; macOS: brew install postgresql)")

// guard runs PostgreSQL until its standard input ends, which happens when the
// test process ends, however it ends; then it stops the server and removes the
// directory. A line on its input stops the server at once, the next one starts it.
const guard = `dir=$1; shift
trap '' HUP INT TERM
while :; do
	"$@" >>"$dir/log" 2>&1 </dev/null &
	pid=$!
	read -r _; more=$?
	kill -QUIT "$pid" 2>/dev/null
	wait "$pid"
	[ $more = 0 ] && read -r _ || break
done
cd / && rm -rf "$dir"`

// usual are the settings of every server here, hasty those of one that nobody
// stops: they trade durability, which most tests do not need, for speed. A stop
// of the server, unlike one of the machine, loses nothing without fsync.
func usual() []string {
	return []string{"listen_addresses=", "fsync=off", "shared_buffers=32MB", "max_connections=200", "autovacuum=off", "timezone=UTC"}
}

func hasty() []string {
	return append(usual(), "synchronous_commit=off", "full_page_writes=off")
}

// start makes a server for all tests of the process.
func start() (string, error) {
	s, err := startServer(hasty())
	if err != nil {
		return "", err
	}
	return s.maintenance(), nil
}

// Server is a PostgreSQL of its own, which may be stopped and started again. It
// goes away with the process.
type Server struct {
	dir  string
	pipe int // to the guard; closed by the end of the process
}

// NewServer starts a server that keeps what it has committed, also when it is
// stopped.
func NewServer() (*Server, error) { return startServer(usual()) }

// startServer makes a cluster in a fresh directory, starts it and waits for it.
func startServer(settings []string) (*Server, error) {
	bin, err := findBin()
	if err != nil {
		return nil, err
	}
	sweepDirs()
	cred, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(tmp, "hookdesk-pg-")
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	if cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, fmt.Errorf("pgtest: %w", err)
		}
	}
	if err := initdb(bin, dir, cred); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	pipe, err := launch(bin, dir, cred, settings)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &Server{dir, pipe}
	return s, s.waitReady()
}

func (s *Server) maintenance() string { return s.DSN("postgres") }

// DSN is that of a database of the server.
func (s *Server) DSN(database string) string {
	q := url.Values{"host": {s.dir}, "sslmode": {"disable"}}
	return "postgres://hookdesk@/" + database + "?" + q.Encode()
}

// Create makes an empty database and returns its DSN.
func (s *Server) Create() (string, error) {
	name := newName()
	if err := execute(s.maintenance(), "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		return "", fmt.Errorf("pgtest: %w", err)
	}
	return s.DSN(name), nil
}

// StopNow stops the server in the middle of whatever it does, without a
// checkpoint, and returns when it has ended.
func (s *Server) StopNow() error {
	if err := s.tell(); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); alive(s.dir); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return errors.New("pgtest: the server does not stop")
		}
	}
	return nil
}

// Start starts the server again after StopNow, and returns when it answers.
func (s *Server) Start() error {
	if err := s.tell(); err != nil {
		return err
	}
	return s.waitReady()
}

func (s *Server) tell() error {
	if _, err := syscall.Write(s.pipe, []byte("\n")); err != nil {
		return fmt.Errorf("pgtest: the guard of the server: %w", err)
	}
	return nil
}

func initdb(bin, dir string, cred *syscall.Credential) error {
	ctype := "C.UTF-8" // lower('É') must work; sorting stays by bytes
	if runtime.GOOS == "darwin" {
		ctype = "en_US.UTF-8"
	}
	cmd := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "hookdesk",
		"-A", "trust", "-E", "UTF8", "--locale=C", "--lc-ctype="+ctype, "--no-sync")
	prepare(cmd, dir, cred)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: initdb: %w\n%s", err, out)
	}
	return nil
}

// launch starts the server below its guard, and returns the pipe to that.
func launch(bin, dir string, cred *syscall.Credential, settings []string) (int, error) {
	args := []string{"-c", guard, "pgtest", dir, filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"), "-k", dir}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	cmd := exec.Command("/bin/sh", args...)
	prepare(cmd, dir, cred)
	// A bare descriptor for the write end: an *os.File would be closed when the
	// garbage collector finds it, this one is when the process ends.
	var pipe [2]int
	syscall.ForkLock.RLock()
	err := syscall.Pipe(pipe[:])
	if err == nil {
		syscall.CloseOnExec(pipe[0])
		syscall.CloseOnExec(pipe[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return 0, fmt.Errorf("pgtest: %w", err)
	}
	stdin := os.NewFile(uintptr(pipe[0]), "pgtest")
	defer stdin.Close()
	cmd.Stdin = stdin
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("pgtest: %w", err)
	}
	// No goroutine waits for it: tests look for leaked ones.
	return pipe[1], cmd.Process.Release()
}

// prepare keeps a command out of the caller's environment, directory, process
// group (a Ctrl-C reaches the guard through the pipe) and privileges.
func prepare(cmd *exec.Cmd, dir string, cred *syscall.Credential) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: cred}
}

func (s *Server) waitReady() error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		conn, err := pgx.Connect(context.Background(), s.maintenance())
		if err == nil {
			return conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			log, logErr := os.ReadFile(filepath.Join(s.dir, "log"))
			return errors.Join(fmt.Errorf("pgtest: the server did not start: %w\n%s", err, log), logErr)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// findBin returns the directory of initdb and postgres, newest version first.
func findBin() (string, error) {
	dirs := []string{os.Getenv("PG_BIN")}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, g := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		m, err := filepath.Glob(g)
		if err != nil {
			return "", fmt.Errorf("pgtest: %w", err)
		}
		sort.Slice(m, func(i, j int) bool { return version(m[i]) > version(m[j]) })
		dirs = append(dirs, m...)
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	for _, d := range dirs {
		if d != "" && executable(filepath.Join(d, "initdb")) && executable(filepath.Join(d, "postgres")) {
			return d, nil
		}
	}
	return "", errNone
}

// version is the first number in a path, so that 15 comes before 9.6.
func version(path string) int {
	i := strings.IndexAny(path, "0123456789")
	if i < 0 {
		return 0
	}
	digits := path[i:]
	if j := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); j >= 0 {
		digits = digits[:j]
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

func executable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// unprivileged picks whom the server runs as when the tests run as root, which
// PostgreSQL refuses.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no other user than oneself
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("pgtest: the tests run as root, PostgreSQL refuses to, and there is neither a user postgres nor nobody")
}

// sweepDirs removes directories whose server and guard were both killed.
func sweepDirs() {
	dirs, err := filepath.Glob(filepath.Join(tmp, "hookdesk-pg-*"))
	if err != nil {
		return // only a malformed pattern fails
	}
	for _, dir := range dirs {
		st, err := os.Stat(dir)
		if err != nil || time.Since(st.ModTime()) < time.Minute || alive(dir) {
			continue
		}
		_ = os.RemoveAll(dir) // another user's: not ours to remove
	}
}

// alive tells whether the server of a directory runs.
func alive(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return os.IsPermission(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	return err == nil && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
