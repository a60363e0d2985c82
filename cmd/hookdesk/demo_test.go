package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheDemoHasWhatATeamWouldHave(t *testing.T) {
	t.Parallel()
	p := start(t, "demo")
	if n := p.count(xenia, "snoozed=include"); n < 190 || n > 210 {
		t.Errorf("%d tickets", n)
	}
	kinds := 0
	for _, status := range []string{"open", "in_progress", "waiting_on_customer", "waiting_on_agent", "escalated", "resolved", "closed"} {
		if p.count(xenia, "snoozed=include&status="+status) > 0 {
			kinds++
		}
	}
	if kinds < 5 {
		t.Errorf("the tickets have %d statuses", kinds)
	}
	asleep, awake, all := p.count(xenia, "snoozed=only"), p.count(xenia, ""), p.count(xenia, "snoozed=include")
	if asleep < 3 || awake+asleep != all {
		t.Errorf("%d sleep, %d do not, of %d", asleep, awake, all)
	}
	if n := p.count(carla, ""); n < 10 || n >= all {
		t.Errorf("the customer has %d tickets", n)
	}
	if n := p.count(chloe, "snoozed=include"); n < 20 || n >= all {
		t.Errorf("the agent of one department sees %d tickets of %d", n, all)
	}
}

func TestTheDemosCustomerReadsNoNotes(t *testing.T) {
	t.Parallel()
	p := start(t, "demo")
	var mine page
	p.read(carla, "/api/tickets?limit=100", &mine)
	notes := 0
	for _, one := range mine.Tickets {
		if one.Merged != nil {
			continue // reads its messages in both
		}
		path := fmt.Sprintf("/api/tickets/%d/replies?limit=100", one.ID)
		hers, theirs := p.want(200, carla, "GET "+path, ""), p.want(200, xenia, "GET "+path, "")
		notes += strings.Count(theirs, `"kind":"note"`)
		if strings.Contains(hers, `"kind":"note"`) {
			t.Errorf("ticket %d shows its customer a note", one.ID)
		}
	}
	if notes == 0 {
		t.Error("none of her tickets has a note")
	}
}

func TestTheLinesThatTheDemoPrintsWork(t *testing.T) {
	t.Parallel()
	p := start(t, "demo")
	lines := regexp.MustCompile(`(?m)^  curl (.*)$`).FindAllStringSubmatch(p.out.String(), -1)
	if len(lines) < 12 {
		t.Fatalf("%d lines:\n%s", len(lines), &p.out)
	}
	for _, line := range lines {
		if code, answer := p.send(requestOf(t, line[1])); code/100 != 2 {
			t.Errorf("curl %s: %d\n%s", line[1], code, answer)
		}
	}
	for _, path := range []string{"/api/docs", "/api/health"} {
		if address := p.base + path; !strings.Contains(p.out.String(), address+"\n") {
			t.Errorf("%s is not named", address)
		}
		p.want(200, nobody, "GET "+path, "")
	}
}

var words = regexp.MustCompile(`'([^']*)'|(\S+)`)

// requestOf reads the arguments of curl.
func requestOf(t *testing.T, args string) *http.Request {
	t.Helper()
	method, body, url := "GET", "", ""
	header := http.Header{}
	option := ""
	for _, m := range words.FindAllStringSubmatch(args, -1) {
		word := m[1] + m[2]
		switch {
		case option == "" && strings.HasPrefix(word, "-"):
			option = word
			continue
		case option == "":
			url = word
		case option == "-X":
			method = word
		case option == "-d":
			body = word
		case option == "-H":
			name, value, _ := strings.Cut(word, ": ")
			header.Set(name, value)
		default:
			t.Fatalf("curl %s: what is %s?", args, option)
		}
		option = ""
	}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	return r
}

func TestADemoLeavesNothingBehindUnlessAsked(t *testing.T) {
	t.Parallel()
	p := start(t, "demo")
	file := regexp.MustCompile(`seconds: (\S+), attachments in (\S+)\.\n`).FindStringSubmatch(p.out.String())
	for _, path := range file[1:] {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	p.stop()
	if _, err := os.Stat(filepath.Dir(file[1])); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestAKeptDemoIsNotFilledTwice(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "kept.db")
	p := start(t, "demo", "--db", file)
	p.want(201, carla, "POST /api/tickets", `{"subject": "Mine", "body": "Keep it."}`)
	before := p.count(xenia, "snoozed=include")
	p.stop()
	p = start(t, "demo", "--db", file)
	if after := p.count(xenia, "snoozed=include"); after != before {
		t.Errorf("%d tickets, and %d after the restart", before, after)
	}
	if !strings.Contains(p.out.String(), file+" has tickets already: nothing was added.") {
		t.Errorf("it says:\n%s", &p.out)
	}
	if found, err := filepath.Glob(file + "-files/*/*"); err != nil || len(found) == 0 {
		t.Errorf("no attachments beside the file: %v", err)
	}
}

func TestABusyAddressIsSaidBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database := "sqlite:" + filepath.Join(dir, "known.db")
	p := start(t, "serve", "--trust-headers", "--database", database, "--files", dir)
	taken := strings.TrimSuffix(strings.TrimPrefix(p.base, "http://"), "/support")
	for _, args := range [][]string{
		{"demo", "--db", filepath.Join(dir, "demo.db"), "--addr", taken},
		{"serve", "--trust-headers", "--database", "sqlite:" + filepath.Join(dir, "second.db"), "--addr", taken},
	} {
		out, err := call(t, args...)
		if err == nil || !strings.Contains(err.Error(), taken+" is taken") || out != "" {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	if made, err := filepath.Glob(filepath.Join(dir, "[^k]*.db")); err != nil || len(made) > 0 {
		t.Errorf("made %v: %v", made, err)
	}
	if _, err := call(t, "demo", "--addr", "nowhere"); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("no address: %v", err)
	}
}
