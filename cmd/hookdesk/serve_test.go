package main

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve starts a server on a database.
func serve(t *testing.T, dsn string, more ...string) *program {
	t.Helper()
	return start(t, append([]string{"serve", "--trust-headers", "--database", dsn, "--files", t.TempDir()}, more...)...)
}

func TestServeRefusesToTrustHeadersUnasked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := call(t, "serve", "--addr", "127.0.0.1:0", "--database", "sqlite:"+filepath.Join(dir, "desk.db"))
	if err == nil || !strings.Contains(err.Error(), "--trust-headers") || !strings.Contains(err.Error(), "proxy") || out != "" {
		t.Errorf("%v\n%s", err, out)
	}
	if made, err := filepath.Glob(dir + "/*"); err != nil || len(made) > 0 {
		t.Errorf("made %v, %v", made, err)
	}
	help, err := call(t, "serve", "--help")
	if err != nil || !strings.Contains(help, "Anybody can send such headers") {
		t.Errorf("%v\n%s", err, help)
	}
}

func TestServeAnswersWhoeverTheHeadersName(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			p := serve(t, dsn)
			p.want(401, nobody, "GET /api/tickets", "")
			p.want(401, who{"X-Admin": "true", "X-Agent": "true"}, "GET /api/tickets", "")
			p.want(201, carla, "POST /api/tickets", `{"subject": "Help", "body": "Please."}`)
			p.want(403, carla, "GET /api/tags", "")
			p.want(403, who{"X-User": "carla.berg", "X-Agent": "yes"}, "GET /api/tags", "")
			p.want(200, chloe, "GET /api/tags", "")
			p.want(403, chloe, "GET /api/plugins", "")
			p.want(200, xenia, "GET /api/plugins", "")
			p.want(200, chloe, "PUT /api/tickets/1/snooze", `{"preset": "1h"}`)
		})
	}
}

func TestServeTakesNamesAndAddresses(t *testing.T) {
	t.Parallel()
	p := serve(t, file(t))
	zoe := who{"X-User": "7", "X-User-Name": "Zoë Ωmega", "X-User-Email": "Zoe@Example.org"}
	if me := p.want(200, zoe, "GET /api/me", ""); !strings.Contains(me, `"Zoë Ωmega"`) {
		t.Error(me)
	}
	if found := p.want(200, chloe, "GET /api/people?email=zoe@example.org", ""); !strings.Contains(found, `"user_id":"7"`) {
		t.Error(found)
	}
}

func TestAHeaderThatComesTwiceIsRefused(t *testing.T) {
	t.Parallel()
	p := serve(t, file(t))
	for _, name := range []string{"X-User", "X-Agent", "X-Admin", "X-User-Name", "X-User-Email"} {
		r, err := http.NewRequest("GET", p.base+"/api/me", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-User", "mallory")
		r.Header[name] = []string{"true", "false"}
		if code, answer := p.send(r); code != 401 {
			t.Errorf("two of %s: %d %s", name, code, answer)
		}
	}
}

func TestServeWithoutAPlugin(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			p := serve(t, dsn, "--without", "snooze")
			p.want(201, carla, "POST /api/tickets", `{"subject": "Help", "body": "Please."}`)
			p.want(404, chloe, "PUT /api/tickets/1/snooze", `{"preset": "1h"}`)
			if list := p.want(200, xenia, "GET /api/plugins", ""); strings.Contains(list, "snooze") {
				t.Error(list)
			}
			p.stop()
			if out, err := call(t, "migrate", "status", "--database", dsn); err != nil || !strings.Contains(out, "pending 0001_snoozes.sql") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestServeLiesWhereItIsTold(t *testing.T) {
	t.Parallel()
	dsn := file(t)
	for prefix, path := range map[string]string{"/": "", "/help/desk/": "/help/desk", "/support": "/support"} {
		p := serve(t, dsn, "--prefix", prefix, "--table-prefix", "own_")
		if !strings.HasSuffix(p.base, path) || path == "" && strings.Count(p.base, "/") != 2 {
			t.Errorf("--prefix %s is at %s", prefix, p.base)
		}
		p.want(200, chloe, "GET /api/tickets", "")
		p.stop()
	}
	if out, err := call(t, "migrate", "status", "--database", dsn, "--table-prefix", "own_"); err != nil || strings.Contains(out, "pending") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := call(t, "migrate", "status", "--database", dsn); err != nil || !strings.Contains(out, "pending 0001_core.sql") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPagesOfTheBaseURLMayWrite(t *testing.T) {
	t.Parallel()
	p := serve(t, file(t), "--base-url", "https://desk.example/support")
	for origin, want := range map[string]int{"https://desk.example": 201, "https://evil.example": 403} {
		as := who{"X-User": "carla.berg", "Origin": origin, "Sec-Fetch-Site": "cross-site"}
		p.want(want, as, "POST /api/tickets", `{"subject": "Help", "body": "Please."}`)
	}
}

func TestServeKeepsFilesWhereItIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kept, refused := serve(t, file(t), "--files", dir), serve(t, file(t), "--files", "")
	for p, want := range map[*program]int{kept: 201, refused: 503} {
		var form bytes.Buffer
		parts := multipart.NewWriter(&form)
		part, err := parts.CreateFormFile("file", "a.txt")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(part, "content")
		parts.Close()
		r, err := http.NewRequest("POST", p.base+"/api/attachments", &form)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", parts.FormDataContentType())
		r.Header.Set("X-User", "carla.berg")
		if code, answer := p.send(r); code != want {
			t.Errorf("%d, not %d: %s", code, want, answer)
		}
	}
	if files, err := filepath.Glob(dir + "/*/*"); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestServeSaysWhatIsWrongWithItsFlags(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--prefix support":    {"--prefix", "support"},
		"--prefix /{id}":      {"--prefix", "/{id}"},
		"--base-url desk":     {"--base-url", "desk"},
		"--base-url ftp":      {"--base-url", "ftp://desk.example"},
		"--without nosuch":    {"--without", "nosuch"},
		"named twice":         {"--without", "snooze,snooze"},
		"table prefix \"x-\"": {"--table-prefix", "x-"},
		"unknown kind":        {"--database", "mysql://localhost"},
		"unknown flag":        {"--secret", strings.Repeat("00", 32)}, // it would be there for all to read
	} {
		_, err := call(t, append([]string{"serve", "--trust-headers", "--addr", "127.0.0.1:0", "--database", file(t)}, args...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestTheSecretIsHexadecimalAndNotRepeated(t *testing.T) {
	t.Parallel()
	c := serveCommand{Prefix: "/support"}
	good := strings.Repeat("0123456789abcdef", 4)
	if config, err := c.config(good); err != nil || len(config.Secret) != 32 || config.Secret[1] != 0x23 {
		t.Errorf("%v: %x", err, config.Secret)
	}
	if config, err := c.config(""); err != nil || config.Secret != nil {
		t.Errorf("%v: %x", err, config.Secret)
	}
	for _, bad := range []string{good[2:], good + "00", "z" + good[1:]} {
		if _, err := c.config(bad); err == nil || !strings.Contains(err.Error(), "HOOKDESK_SECRET") || strings.Contains(err.Error(), bad[:8]) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestAServerThatStopsAnswersWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	for kind, dsnOf := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			p := serve(t, dsn)
			body, half := io.Pipe()
			r, err := http.NewRequest("POST", p.base+"/api/tickets", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {"application/json"}, "X-User": {"carla.berg"}, "Expect": {"100-continue"}}
			ended := make(chan error, 1)
			go func() {
				answer, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(r)
				if err == nil && answer.StatusCode != 201 {
					err = errors.New(answer.Status)
				}
				ended <- err
			}()
			io.WriteString(half, `{"subject": "Half `) // returns when the server has asked for it
			p.end()
			for refused := false; !refused; time.Sleep(time.Millisecond) { // until it takes no more
				answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(httptest.NewRequest("GET", p.base+"/api/health", http.NoBody))
				if refused = err != nil; !refused {
					answer.Body.Close()
				}
			}
			io.WriteString(half, `of it", "body": "And the rest."}`)
			half.Close()
			if err := <-ended; err != nil {
				t.Errorf("the request under way: %v", err)
			}
			p.stop()
		})
	}
}
