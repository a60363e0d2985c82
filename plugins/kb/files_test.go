package kb_test

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/kb"
)

// send uploads a file to an article.
func (d desk) send(who desktest.Who, article int64, name, content string) *desktest.Response {
	d.t.Helper()
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	part, err := parts.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err != nil || parts.Close() != nil {
		d.t.Fatal(err)
	}
	return d.DoWith(who, one("POST", article)+"/files", form.Bytes(), http.Header{"Content-Type": {parts.FormDataContentType()}})
}

func (d desk) attached(article int64, name, content string) (f kb.File) {
	d.t.Helper()
	d.send(desktest.Admin, article, name, content).Want(201).JSON(&f)
	return f
}

func file(method string, article, file int64) string {
	return fmt.Sprintf("%s/files/%d", one(method, article), file)
}

func (d desk) count(table string) (n int64) {
	d.t.Helper()
	if err := d.DB.Table("hookdesk_" + table).Count(&n).Error; err != nil {
		d.t.Fatal(err)
	}
	return n
}

// answers are statuses by who asks, one of people.
type answers map[string]int

var people = map[string]desktest.Who{
	"anonymous": desktest.Anonymous, "customer": desktest.Customer, "agent": desktest.Agent, "admin": desktest.Admin,
}

func TestWhoMayReadAnArticleDownloadsItsFiles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a, other := d.draft("Forms", "Take this.", nil), d.published("Other", "", nil)
		for who, want := range (answers{"anonymous": 401, "customer": 403, "agent": 403}) {
			d.send(people[who], a.ID, "form.html", "<p>hello").Want(want)
		}
		d.send(desktest.Admin, 4711, "form.html", "<p>hello").Want(404)
		f := d.attached(a.ID, `C:\x\form.html`, "<html><script>alert(1)</script>")
		if f.Name != "form.html" || f.Size != 31 || !strings.HasPrefix(f.MediaType, "text/html") || !f.AddedAt.Equal(d.Now()) {
			t.Errorf("%+v", f)
		}
		wants := func(about string, want answers) {
			t.Helper()
			for who, status := range want {
				if got := d.Do(people[who], file("GET", a.ID, f.ID), nil).Status; got != status {
					t.Errorf("%s: %s gets %d, want %d", about, who, got, status)
				}
			}
		}
		wants("a draft", answers{"anonymous": 404, "customer": 404, "agent": 200, "admin": 200})
		a = d.publish(a)
		wants("published", answers{"anonymous": 200, "customer": 200, "agent": 200})
		var page kb.Page
		d.Do(desktest.Anonymous, "GET /api/kb/pages/forms", nil).Want(200).JSON(&page)
		if len(a.Files) != 1 || a.Files[0].Name != "form.html" || len(page.Files) != 1 || page.Files[0].ID != f.ID {
			t.Errorf("the article has %+v, the page %+v", a.Files, page.Files)
		}
		d.Do(desktest.Anonymous, file("GET", other.ID, f.ID), nil).Want(404)
		d.Do(desktest.Admin, fmt.Sprintf("GET /api/attachments/%d", f.ID), nil).Want(404) // it is the article's, not hers
		d.settings(true, "signed_in", "en")
		wants("for who has signed in", answers{"anonymous": 401, "customer": 200})
		d.settings(false, "public", "en")
		wants("switched off", answers{"anonymous": 404, "customer": 404, "agent": 200})
		d.settings(true, "public", "en")
		d.Do(desktest.Agent, file("DELETE", a.ID, f.ID), nil).Want(403)
		d.Do(desktest.Admin, file("DELETE", other.ID, f.ID), nil).Want(404)
		d.Do(desktest.Admin, file("DELETE", a.ID, f.ID), nil).Want(204)
		d.Do(desktest.Admin, file("DELETE", a.ID, f.ID), nil).Want(404)
		wants("deleted", answers{"anonymous": 404, "admin": 404})
		if got := d.events(); !strings.Contains(got, "kb.attached") || !strings.HasSuffix(got, "kb.detached") {
			t.Errorf("the events are %s", got)
		}
	})
}

func TestAFileIsSafeToDownload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.published("Forms", "", nil)
		for name, row := range map[string]struct{ content, kind string }{
			"page.html": {"<html><script>alert(1)</script>", "application/octet-stream"},
			"a.svg":     {`<svg xmlns="http://www.w3.org/2000/svg"/>`, "application/octet-stream"},
			"a.png":     {"just words", "text/plain"}, // its name lies
		} {
			f := d.attached(a.ID, name, row.content)
			got := d.Do(desktest.Anonymous, file("GET", a.ID, f.ID), nil).Want(200)
			for header, want := range map[string]string{
				"Content-Type": row.kind, "Content-Disposition": "attachment; filename=" + name, "X-Content-Type-Options": "nosniff",
				"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "private, no-store",
			} {
				if has := got.Header.Get(header); has != want {
					t.Errorf("%s: %s is %q, want %q", name, header, has, want)
				}
			}
			if string(got.Body) != row.content {
				t.Errorf("%s: %q", name, got.Body)
			}
		}
	})
}

// An upload is forgotten after a day, a file of an article is not; it goes with
// the article, and its content when no ticket has the same.
func TestAFileStaysAsLongAsItsArticle(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.published("Forms", "", nil)
		shared, own := d.attached(a.ID, "a.txt", "the same"), d.attached(a.ID, "b.txt", "only here")
		upload, err := d.Attachments.Upload(d.As(desktest.Customer), "c.txt", strings.NewReader("the same"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Tickets.Create(d.As(desktest.Customer), core.TicketDraft{Subject: "x", Body: "x", Attachments: []int64{upload.ID}}); err != nil {
			t.Fatal(err)
		}
		sweep := func() {
			t.Helper()
			d.Leap(48 * time.Hour)
			for range 2 { // what nothing refers to any more goes an hour later
				if err := d.RunJob(t.Context(), "core.sweep-files"); err != nil {
					t.Fatal(err)
				}
				d.Leap(2 * time.Hour)
			}
		}
		sweep()
		for _, f := range []kb.File{shared, own} {
			d.Do(desktest.Anonymous, file("GET", a.ID, f.ID), nil).Want(200)
		}
		if _, err := d.Tickets.Create(d.As(desktest.Admin), core.TicketDraft{Subject: "x", Body: "x", Attachments: []int64{own.ID}}); core.KindOf(err) != core.Invalid {
			t.Errorf("a ticket takes the article's file: %v", err)
		}
		d.Do(desktest.Admin, one("DELETE", a.ID), nil).Want(204)
		sweep()
		if files, rows, blobs := d.count("kb_files"), d.count("attachments"), d.count("blobs"); files != 0 || rows != 1 || blobs != 1 {
			t.Errorf("%d files, %d attachments and %d contents are left, want the ticket's", files, rows, blobs)
		}
		_, content, err := d.Attachments.Open(d.As(desktest.Customer), upload.ID)
		if err != nil {
			t.Fatalf("the ticket's file went with the article: %v", err)
		}
		if err := content.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAFileIsNoPartOfAVersion(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.published("Forms", "one", nil)
		d.attached(a.ID, "a.txt", "words")
		a = d.patch(a, fields{"body": "two"}) // of the version before the file
		d.Do(desktest.Admin, one("POST", a.ID)+"/versions/1/restore", fields{"version": a.Version}).Want(200).JSON(&a)
		if a.Body != "one" || a.Version != 4 || len(a.Files) != 1 {
			t.Errorf("%+v", a)
		}
	})
}

func TestAnUploadToAnArticleIsHeldToTheRulesOfAll(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db, core.Inline("scanner", func(h core.Host) error {
			h.Hooks().Attachment.Add.Before.Add(h, "scan", func(_ context.Context, f *core.AttachmentDraft) error {
				if f.Name == "virus.txt" {
					return hooks.Veto("virus", "that is a virus")
				}
				return nil
			})
			return nil
		}))
		a := d.published("Forms", "", nil)
		if got := d.send(desktest.Admin, a.ID, "virus.txt", "boo").Want(422); !strings.Contains(string(got.Body), "that is a virus") {
			t.Errorf("%s", got)
		}
		d.send(desktest.Admin, a.ID, "empty.txt", "").Want(422)
		d.Do(desktest.Admin, one("POST", a.ID)+"/files", fields{"file": "x"}).Want(415)
		d.Do(desktest.Admin, "PUT /api/settings/core", fields{"value": fields{"status_flow": true, "retention_days": 30, "max_file_mb": 1}}).Want(200)
		d.send(desktest.Admin, a.ID, "big.txt", strings.Repeat("a", 1<<20+1)).Want(413)
		if files, rows := d.count("kb_files"), d.count("attachments"); files != 0 || rows != 0 {
			t.Errorf("%d files and %d attachments are there", files, rows)
		}
	})
}

func TestAnArticleHasAtMostFiftyFilesHoweverManyComeAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.draft("Forms", "", nil)
		for i := range 48 {
			d.attached(a.ID, fmt.Sprint(i), fmt.Sprint(i))
		}
		sent := make(chan int, 8)
		for i := range cap(sent) {
			go func() { sent <- d.send(desktest.Admin, a.ID, "late", fmt.Sprint("late", i)).Status }()
		}
		added := 0
		for range cap(sent) {
			if <-sent == 201 {
				added++
			}
		}
		if n := d.count("kb_files"); added != 2 || n != 50 {
			t.Errorf("%d of eight were added to 48, %d are there", added, n)
		}
	})
}
