package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/cmd/hookdesk/internal/catalogue"
)

// see runs a command and fails the test unless each pattern is found in what it
// prints.
func see(t *testing.T, args []string, patterns ...string) {
	t.Helper()
	out, err := call(t, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(out) {
			t.Errorf("%v: no %s in\n%s", args, p, out)
		}
	}
}

func TestHooksAreListedWithoutAServer(t *testing.T) {
	t.Parallel()
	points, err := ownPoints()
	if err != nil {
		t.Fatal(err)
	}
	out, err := call(t, "hooks")
	if err != nil || strings.Count(out, "\n") != len(points)+1 {
		t.Errorf("%d points, %v\n%s", len(points), err, out)
	}
	see(t, []string{"hooks"},
		`(?m)^ticket\.create\.before +before +abort +5s +A ticket .* is created\. Writable: subject, body, .*tags\.$`,
		`(?m)^ticket\.created +after +retry +- `, `(?m)^ticket\.create\.within +within +abort `, `(?m)^ticket\.list +filter +skip `,
		`(?m)^sla\.breached `, `(?m)^kb\.published `, `(?m)^view\.saved `, `(?m)^snooze\.set\.before `)
	for _, p := range points {
		if p.Field == "" && strings.HasPrefix(p.PayloadType().String(), "core.") {
			t.Errorf("%s is core's, and nobody knows where", p.Point().Name)
		}
	}
}

func TestAHookShowsWhatItsHandlersAreGiven(t *testing.T) {
	t.Parallel()
	see(t, []string{"hooks", "ticket.create.before"},
		`on\.Ticket\.Create\.Before\.Add\(h, "name", handler\)`, `func\(ctx context\.Context, v \*core\.TicketDraft\) error`,
		`(?m)^FIELD OF core\.TicketDraft +TYPE +JSON$`, `(?m)^  DepartmentID +\*int64 +department_id$`, `writable +subject, body`)
	see(t, []string{"hooks", "reply.added"}, `v hooks\.Event\[core\.ReplyAdded\]`, `(?m)^    ReplyCount +int +reply_count +public replies`)
	see(t, []string{"hooks", "reply.add.within"}, `tx \*gorm\.DB, v \*core\.ReplyAdded`, `handler 1 +snooze\.wake-on-answer|handler 1 +sla\.`)
	see(t, []string{"hooks", "auth.can"}, `on\.Auth\.Can\.Add`, `(?m)^  Actor +core\.Actor +-$`)
	out, err := call(t, "hooks", "sla.breached")
	if err != nil || strings.Contains(out, "attach by") {
		t.Errorf("a plugin's own point is not below Host.Hooks: %v\n%s", err, out)
	}
}

func TestARunningDeskTellsWhoHooksWhat(t *testing.T) {
	t.Parallel()
	p := serve(t, file(t))
	p.want(201, carla, "POST /api/tickets", `{"subject": "Help", "body": "Please."}`)
	admin := []string{"--url", p.base, "--user", "xenia"}
	see(t, append([]string{"hooks"}, admin...),
		`(?m)^POINT +ORDER +HANDLER +PLUGIN +ON FAILURE +TIMEOUT +CALLS +FAILURES +VETOES +P50 +P99$`,
		`(?m)^ticket\.create\.within +1 +sla\.\S+ +sla +abort +- +1 +0 +0 +\d+\S+ +\d+\S+$`,
		`(?m)^ticket\.list +\d +snooze\.hide-snoozed +snooze +skip +5s +0 +0 +0 +- +-$`,
		`(?m)^\d+ of \d+ points have no handler\.$`)
	see(t, append([]string{"hooks", "ticket.tagged"}, admin...), `^ticket\.tagged \(after\)\nThe tags change\.`)
}

func TestAFailedHandlerIsShownWithItsError(t *testing.T) {
	t.Parallel()
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/desk/api/hooks" || r.Header.Get("Cookie") != "session=7" {
			w.WriteHeader(http.StatusTeapot)
		}
		w.Write([]byte(`{"points": [{"name": "reply.added", "kind": "after", "doc": "A reply.", "on_failure": "abort", "timeout_ns": 0, "handlers": [
			{"name": "mail.send", "plugin": "mail", "on_failure": "retry", "timeout_ns": 30000000000, "calls": 9, "failures": 2, "vetoes": 0,
			 "p50_ns": 1024000, "p99_ns": 2048000, "last_failure": "the server\nis away", "last_failure_at": "2026-01-02T03:04:05Z"}]}]}`))
	}))
	t.Cleanup(desk.Close)
	see(t, []string{"hooks", "--url", desk.URL + "/desk/", "--header", "Cookie: session=7"},
		`reply\.added +1 +mail\.send +mail +retry +30s +9 +2 +0 +1\.024ms +2\.048ms\n`,
		`mail\.send at reply\.added failed last on 2026-01-02 03:04:05:\n    the server\n    is away\n`)
}

func TestPluginsAreListed(t *testing.T) {
	t.Parallel()
	see(t, []string{"plugins"}, `(?m)^PLUGIN +VERSION +REQUIRES +DOC$`, `(?m)^snooze +1\.0\.0 +- +Puts tickets to sleep`, `(?m)^sla `)
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"plugins": [
			{"id": "mail", "version": "1.0.0", "enabled": true, "requires": [], "doc": "Mails.", "licence": "MIT"},
			{"id": "translate", "version": "0.2.0", "enabled": true, "requires": ["mail", "sla"], "doc": "Translates.",
			 "process": {"state": "backoff", "pid": 17, "restarts": 3, "last_error": "exit status 2"}}]}`))
	}))
	t.Cleanup(desk.Close)
	see(t, []string{"plugins", "--url", desk.URL},
		`(?m)^mail +1\.0\.0 +on, licence "MIT" +- +Mails\.$`,
		`(?m)^translate +0\.2\.0 +on, backoff, pid 17, 3 restarts +mail, sla +Translates\.$`,
		`translate failed last on:\n    exit status 2\n`)
}

func TestPluginsAreSwitchedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := serve(t, dsnOf(t))
			p.want(201, carla, "POST /api/tickets", `{"subject": "Help", "body": "Please."}`)
			admin := []string{"--url", p.base, "--user", "xenia"}
			see(t, append([]string{"plugins", "disable", "snooze"}, admin...), "^snooze is off\n$")
			p.want(404, chloe, "PUT /api/tickets/1/snooze", `{"preset": "1h"}`)
			see(t, append([]string{"plugins"}, admin...), `(?m)^snooze +1\.0\.0 +off +- `, `(?m)^sla +\S+ +on +`)
			see(t, append([]string{"plugins", "enable", "snooze"}, admin...), "^snooze is on\n$")
			p.want(200, chloe, "PUT /api/tickets/1/snooze", `{"preset": "1h"}`)
		})
	}
}

func TestWhatIsWrongWithARunningDeskIsSaid(t *testing.T) {
	t.Parallel()
	p := serve(t, file(t))
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved/api/hooks" {
			http.Redirect(w, r, "/", http.StatusFound)
		}
		w.Write([]byte("<html>"))
	}))
	t.Cleanup(page.Close)
	for name, row := range map[string]struct {
		args string
		want string
	}{
		"no address":       {"hooks --url desk", "must be the address of a desk"},
		"a wrong scheme":   {"hooks --url ftp://desk.example", "must be the address of a desk"},
		"no server":        {"hooks --url " + gone.URL, "no desk answers at " + gone.URL},
		"a web page":       {"hooks --url " + page.URL, "not as a desk does"},
		"a redirect":       {"hooks --url " + page.URL + "/moved", "302 Found, but not as a desk does"},
		"a wrong prefix":   {"hooks --url " + p.base + "/desk", "not as a desk does"},
		"nobody":           {"hooks --url " + p.base, "name an admin by --user"},
		"an agent":         {"plugins --header X-User:chloe --header X-Agent:true --url " + p.base, "lets only admins do this"},
		"a wrong header":   {"plugins --header secret --url " + p.base, "--header: it must be a name and a value"},
		"a wrong point":    {"hooks reply.adds --user xenia --url " + p.base, "no hook point reply.adds; did you mean reply.added"},
		"a strange point":  {"hooks nonsense", "no hook point nonsense; hookdesk hooks lists them"},
		"a wrong plugin":   {"plugins disable nosuch --user xenia --url " + p.base, `no plugin "nosuch"`},
		"an odd plugin":    {"plugins disable ../hooks --user xenia --url " + p.base, `no plugin "../hooks"`},
		"a switch of none": {"plugins enable snooze", "say which desk by --url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := call(t, strings.Fields(row.args)...)
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "secret") || out != "" {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestNamesThatAreLikeOneAreTold(t *testing.T) {
	t.Parallel()
	names := []string{"reply.add.before", "reply.added", "reply.edited", "ticket.created"}
	for name, want := range map[string]string{
		"reply.addd":        "did you mean reply.added?",
		"ticket.create":     "did you mean ticket.created?",
		"reply.add.befroe":  "did you mean reply.add.before?",
		"kb.something.else": "hookdesk hooks lists them",
	} {
		if err := catalogue.Unknown(name, names); !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
