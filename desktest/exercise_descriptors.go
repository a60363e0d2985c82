package desktest

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// aloneEnv makes a test process run this check by itself. A process has one table
// of descriptors: with other tests beside it, nobody could tell whose they are.
const aloneEnv = "HOOKDESK_DESKTEST_ALONE"

// checkDescriptors runs the test once more, in a process of its own.
func (s *suite) checkDescriptors(t testing.TB, db Database) {
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc")
	}
	if s.alone {
		if more := s.countDescriptors(t, db); len(more) > 0 {
			t.Errorf("switched off and on ten times, the plugin keeps %d descriptors open:\n%s", len(more), strings.Join(more, "\n"))
		}
		return
	}
	if os.Getenv(aloneEnv) != "" {
		more := s.countDescriptors(t, db)
		os.Stdout.WriteString("descriptors: " + strconv.Itoa(len(more)) + " more than before\n" + strings.Join(more, "\n") + "\n.\n")
		return
	}
	var path []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		path = append(path, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command(os.Args[0], "-test.run="+strings.Join(path, "/"), "-test.count=1", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), aloneEnv+"=1")
	out, err := cmd.CombinedOutput()
	said := regexp.MustCompile(`(?s)descriptors: (\d+) more than before\n(.*?)\n\.\n`).FindSubmatch(out)
	switch {
	case said == nil:
		t.Fatalf("the process that counts descriptors does not say how many: %v\n%s", err, out)
	case string(said[1]) != "0":
		t.Errorf("switched off and on ten times, the plugin keeps %s descriptors open:\n%s", said[1], said[2])
	}
}

// countDescriptors lists those that stay open; this process does nothing else.
func (s *suite) countDescriptors(t testing.TB, db Database) (more []string) {
	d := s.desk(t, db)
	s.play(t, d)
	before := descriptors(t)
	for range 10 {
		s.turn(d, s.id(), "disable")
		s.turn(d, s.id(), "enable")
	}
	d.Settle()
	// The pools of the database may have grown by a connection or two; a plugin
	// that forgets one forgets ten.
	few := func() bool {
		now := descriptors(t)
		more = now[min(len(before), len(now)):]
		return len(more) < 10
	}
	if within(2*time.Second, few) {
		return nil
	}
	return more
}

// descriptors is what this process has open, in the order of the numbers.
func descriptors(t testing.TB) (open []string) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if errors.Is(err, os.ErrNotExist) {
			continue // that of the list itself
		}
		open = append(open, e.Name()+" "+target)
	}
	return open
}
