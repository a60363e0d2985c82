package desktest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// processes are the ids of all that the suite's plugins have started and that
// still runs: they have its mark in their environment, whatever their parent is.
func (s *suite) processes() (running []int) {
	if runtime.GOOS != "linux" {
		return nil
	}
	mark := []byte(markEnv + "=" + s.mark + "\x00")
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(append(text, 0), mark) {
			continue // it has ended, or is somebody else's
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			running = append(running, pid)
		}
	}
	return running
}

func (s *suite) endAll() {
	for _, pid := range s.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is as good
	}
}

// process is what an admin sees of the process of the plugin under test.
func (d *Desk) process() core.Process {
	p, ok := d.Config.Plugins[0].(core.Supervised)
	if !ok {
		return core.Process{}
	}
	return p.Process()
}

// ready waits for a process other than that of the pid before; when there was
// none, the first must do.
func (d *Desk) ready(before int) (p core.Process) {
	d.t.Helper()
	done := func() bool {
		p = d.process()
		return p.State == "ready" && p.PID != before || p.State == "backoff" && before == 0
	}
	if !eventually(done) || p.State != "ready" {
		d.t.Fatalf("no process is ready: it is in the state %s: %s", p.State, p.LastError)
	}
	return p
}

// renew has the process replaced, and waits for the new one: sooner than it would
// come by itself.
func (s *suite) renew(d *Desk, before int) {
	d.t.Helper()
	d.Do(Admin, "POST /api/plugins/"+s.id()+"/restart", nil).Want(200)
	d.ready(before)
}

// living is a desk with a process that is ready.
func (s *suite) living(t testing.TB, db Database) (*Desk, core.Process) {
	d := s.desk(t, db)
	d.AllowErrors()
	return d, d.ready(0)
}

// signal fails the check when the process is not there.
func signal(t testing.TB, pid int, sig syscall.Signal) {
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("the process %d has gone: %v", pid, err)
	}
}

func (s *suite) checkStarts(t testing.TB, db Database) {
	d, p := s.living(t, db)
	d.Do(Admin, "GET /api/plugins", nil).Want(200)
	if p.Restarts > 0 {
		t.Errorf("it had to be started %d times: %s", p.Restarts+1, p.LastError)
	}
	for _, line := range d.Errors() {
		t.Errorf("the desk logged an error: %s", line)
	}
}

// catchUp waits until all events are taken, those too that failed while there was
// no process and come again in a while.
func (d *Desk) catchUp() {
	d.t.Helper()
	for range 8 {
		if within(patience/8, d.settled) {
			return
		}
		d.Clock.FakeClock.Advance(time.Minute)
	}
	d.Settle()
}

// checkKilled kills the process at moments spread over the time that it takes for
// a ticket's events.
func (s *suite) checkKilled(t testing.TB, db Database) {
	d, p := s.living(t, db)
	life := func(meanwhile func()) int64 {
		ticket, err := d.Tickets.Create(d.As(Customer), core.TicketDraft{Subject: ordinary, Body: ordinary})
		if err == nil {
			_, err = d.Replies.Add(d.As(Agent), ticket.ID, core.ReplyDraft{Body: ordinary})
		}
		if err != nil {
			t.Fatal(err)
		}
		meanwhile()
		d.catchUp()
		d.calm(ticket.ID)
		return ticket.ID
	}
	life(func() {})
	began := time.Now()
	want := d.about(life(func() {}))
	took := time.Since(began)
	kill := func(when string, wait func()) {
		ticket := life(func() {
			wait()
			signal(t, p.PID, syscall.SIGKILL)
			s.renew(d, p.PID)
			p = d.process()
		})
		if diff := differ(want, d.about(ticket)); diff != "" {
			t.Errorf("it was killed %s; afterwards, the ticket's rows are others than they should be:\n%s", when, diff)
		}
	}
	const times = 6
	for n := range times {
		after := took * time.Duration(n) / times
		kill(fmt.Sprintf("%v after a reply", after), func() { time.Sleep(after) })
	}
	kill("as soon as it had answered for each event", d.catchUp)
}

// calm waits until nothing more is done about a ticket, such as by a handler that
// answers before it works.
func (d *Desk) calm(ticket int64) {
	for before := d.about(ticket); ; {
		time.Sleep(200 * time.Millisecond)
		now := d.about(ticket)
		if differ(before, now) == "" {
			return
		}
		before = now
	}
}

func (s *suite) checkBack(t testing.TB, db Database) {
	d, p := s.living(t, db)
	signal(t, p.PID, syscall.SIGKILL)
	d.Do(Agent, "GET /api/tickets", nil).Want(200)
	now := d.ready(p.PID)
	if now.Restarts != 1 {
		t.Errorf("killed once, it was started anew %d times: %s", now.Restarts, now.LastError)
	}
	d.catchUp()
	s.play(t, d)
}

// checkPaused stops the process as a debugger or a machine without memory does.
func (s *suite) checkPaused(t testing.TB, db Database) {
	d, p := s.living(t, db)
	ticket := s.play(t, d)
	limit := s.deadlines(t, d) + soon
	signal(t, p.PID, syscall.SIGSTOP)
	path := fmt.Sprintf("/api/tickets/%d", ticket.ID)
	for _, request := range []string{
		"GET /api/tickets", "GET " + path, "POST /api/tickets", "POST " + path + "/replies", "PATCH " + path, "GET /api/plugins",
	} {
		body := map[string]map[string]any{
			"POST /api/tickets": {"subject": ordinary, "body": ordinary}, "POST " + path + "/replies": {"body": ordinary}, "PATCH " + path: {"priority": "high"},
		}[request]
		began := time.Now()
		got := d.Do(Admin, request, orNone(body))
		if took := time.Since(began); took > limit {
			t.Errorf("%s took %v, more than %v", request, took, limit)
		}
		if got.Status >= 500 && got.Status != 503 {
			t.Errorf("while the process does not move: %s", got)
		}
	}
	signal(t, p.PID, syscall.SIGCONT)
	d.catchUp()
}

func orNone(body map[string]any) any {
	if body == nil {
		return nil
	}
	return body
}

// deadlines is how long a request may wait for the plugin at most.
func (s *suite) deadlines(t testing.TB, d *Desk) (sum time.Duration) {
	for _, h := range s.hooked(t, d) {
		if h.kind != "after" {
			sum += h.Timeout
		}
	}
	return sum
}

// checkStop stops the desk while the process rests.
func (s *suite) checkStop(t testing.TB, db Database) {
	if others := s.processes(); len(others) > 0 {
		t.Fatalf("processes of the plugin live on from before: %v", others)
	}
	d, p := s.living(t, db)
	s.tryPlay(t, d)
	s.live(t, d, ordinary)
	d.hearOut()
	for _, job := range s.jobs(d) {
		_ = d.RunJob(context.Background(), job) // whether it fails is said elsewhere
	}
	d.stop()
	if slices.ContainsFunc(d.lines(), func(line string) bool { return strings.Contains(line, "did not stop by itself") }) {
		t.Error("it did not stop by itself, and had to be killed")
	}
	if syscall.Kill(p.PID, 0) == nil {
		t.Errorf("the desk has stopped, and the process %d runs still", p.PID)
	}
	if !within(soon, func() bool { return len(s.processes()) == 0 }) {
		t.Errorf("the desk has stopped, and children of the plugin run still: %v", s.processes())
		s.endAll()
	}
}

func (s *suite) checkProcesses(t testing.TB, db Database) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are found in /proc")
	}
	d, _ := s.living(t, db)
	before := len(s.processes())
	for range 3 {
		s.turn(d, s.id(), "disable")
		if !within(soon, func() bool { return len(s.processes()) == 0 }) {
			t.Errorf("switched off, the plugin leaves processes running: %v", s.processes())
			s.endAll()
		}
		s.turn(d, s.id(), "enable")
		d.ready(0)
	}
	if !within(soon, func() bool { return len(s.processes()) == before }) {
		t.Errorf("of %d processes %d were made", before, len(s.processes()))
	}
}

// checkLeaks compares what the process has after a while with what it has after
// ten times as long.
func (s *suite) checkLeaks(t testing.TB, db Database) {
	if runtime.GOOS != "linux" {
		t.Skip("what a process has is read from /proc")
	}
	d, p := s.living(t, db)
	ticket := s.play(t, d)
	work := func(rounds int) {
		for range rounds {
			s.live(t, d, ordinary)
			d.catchUp()
			for _, r := range s.answered(t, d) {
				r.send(context.Background(), d, r.insider(), r.target(ticket, nil), r.sample())
			}
		}
	}
	work(2)
	files, children, threads := s.holds(p.PID)
	work(10)
	// Pools and the runtime may have grown by a few; what leaks, leaks with each round.
	grown := func() string {
		f, c, th := s.holds(p.PID)
		switch {
		case c > children:
			return fmt.Sprintf("%d children more than before", c-children)
		case f >= files+10:
			return fmt.Sprintf("%d descriptors more than before", f-files)
		case th >= threads+10:
			return fmt.Sprintf("%d threads more than before", th-threads)
		}
		return ""
	}
	if within(2*time.Second, func() bool { return grown() == "" }) {
		return
	}
	t.Errorf("with ten rounds of the same work, its process has %s", grown())
}

// answered are the routes that the process answers: all but that which replaces it.
func (s *suite) answered(t testing.TB, d *Desk) []route {
	return slices.DeleteFunc(s.routes(t, d), func(r route) bool { return r.Path == "/api/plugins/"+s.id()+"/restart" })
}

// holds counts what a process has open, its children, and its threads.
func (s *suite) holds(pid int) (files, children, threads int) {
	count := func(what string) int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/%s", pid, what))
		if err != nil {
			return 0
		}
		return len(entries)
	}
	return count("fd"), len(s.processes()), count("task")
}
