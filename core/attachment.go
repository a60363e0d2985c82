package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"

	"github.com/hookdesk/hookdesk/rest"
)

// Attachment is a file of a reply, or one that a plugin keeps. It is uploaded
// first and claimed by a reply of the same actor within a day, or by KeepFile.
type Attachment struct {
	ID        int64   `json:"id"`
	TicketID  *int64  `json:"ticket_id"`
	ReplyID   *int64  `json:"reply_id"`
	Uploader  string  `json:"-"`
	Keeper    *string `json:"-"` // the plugin that it belongs to, instead of a reply
	Name      string  `json:"name"`
	MediaType string  `json:"media_type" doc:"told from the content, not by the uploader"`
	Size      int64   `json:"size" doc:"bytes"`
	SHA256    string  `json:"sha256" gorm:"column:sha256"`
	Stored    bool    `json:"-"`
	CreatedAt Time    `json:"created_at"`
}

// blob is a file by its content; several attachments may share it.
type blob struct {
	SHA256     string `gorm:"column:sha256"`
	Size       int64
	Refs       int64
	ReleasedAt *Time
}

// Attachments is the service of files.
type Attachments struct{ d *Desk }

// AttachmentDraft is a file about to be stored.
type AttachmentDraft struct {
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
	// Open reads the content, for a scanner; close what it returns.
	Open func() (io.ReadCloser, error) `json:"-"`
}

// AttachmentAdded is the event of a stored file.
type AttachmentAdded struct {
	Attachment Attachment `json:"attachment"`
}

const (
	claimWithin = 24 * time.Hour // for an upload to find its reply
	sweepAfter  = time.Hour      // between the last reference and the removal of a file
)

// Upload stores a file for a reply to come. Equal files are stored once. It
// fails with TooLarge, with a plugin's veto, and with Unavailable on a desk
// without Config.Files.
func (s Attachments) Upload(ctx context.Context, name string, content io.Reader) (Attachment, error) {
	d := s.d
	if err := d.can(ctx, UploadFile, nil); err != nil {
		return Attachment{}, err
	}
	if d.config.Files == nil {
		return Attachment{}, Errorf(Unavailable, "this desk keeps no files")
	}
	file, draft, err := s.spool(content)
	if err != nil {
		return Attachment{}, err
	}
	defer func() { _ = os.Remove(file) }() // a spool file that stays is the system's to sweep
	draft.Name = cleanName(name)
	sum, size := draft.SHA256, draft.Size
	if err := d.hooks.Attachment.Add.Before.Run(ctx, &draft); err != nil {
		return Attachment{}, translate(err)
	}
	a := Attachment{
		Uploader: ActorFrom(ctx).key(), Name: cleanName(draft.Name), MediaType: draft.MediaType, Size: size, SHA256: sum, CreatedAt: d.now(),
	}
	if err := s.reserve(ctx, &a); err != nil {
		return Attachment{}, err
	}
	if err := s.put(ctx, sum, file); err != nil {
		return Attachment{}, fmt.Errorf("store file: %w", err)
	}
	err = d.change(ctx, func(ctx context.Context) error {
		rows, err := update[Attachment](ctx, d.store, []Assign{Set("stored", true)}, Is("id", a.ID))
		if err != nil || len(rows) == 0 {
			return errors.Join(err, notThere(len(rows), a.ID))
		}
		a = rows[0]
		return record(ctx, d, &d.hooks.Attachment.Add, 0, AdminsOnly, &AttachmentAdded{a})
	})
	return a, err
}

// watchedReader remembers that it was the reader who failed, not the writer.
type watchedReader struct {
	io.Reader
	err error
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// spool takes the content into a file of its own, to know its hash and type
// before anything is kept.
func (s Attachments) spool(content io.Reader) (path string, draft AttachmentDraft, err error) {
	limit := int64(s.d.deskSettings().MaxFileMB) << 20
	file, err := os.CreateTemp("", "hookdesk-upload-*")
	if err != nil {
		return "", draft, fmt.Errorf("spool upload: %w", err)
	}
	path = file.Name()
	hash := sha256.New()
	from := &watchedReader{Reader: io.LimitReader(content, limit+1)}
	size, err := io.Copy(io.MultiWriter(file, hash), from)
	err = errors.Join(err, file.Close())
	switch {
	case from.err != nil:
		err = Errorf(rest.Malformed, "the file ends early")
	case err != nil:
		err = fmt.Errorf("spool upload: %w", err)
	case size > limit:
		err = Errorf(TooLarge, "a file may have %d MiB", limit>>20)
	case size == 0:
		err = InvalidField("file", "the file is empty")
	}
	if err != nil {
		_ = os.Remove(path) // the upload is refused; a spool file that stays is the system's to sweep
		return "", draft, err
	}
	kind, err := mimetype.DetectFile(path)
	if err != nil {
		return path, draft, fmt.Errorf("spool upload: %w", err)
	}
	draft = AttachmentDraft{
		MediaType: kind.String(), Size: size, SHA256: hex.EncodeToString(hash.Sum(nil)),
		Open: func() (io.ReadCloser, error) { return os.Open(path) }, //nolint:gosec // a name that the desk made
	}
	return path, draft, nil
}

// reserve counts the reference before the file is written, so that the sweep
// cannot take the file away in between.
func (s Attachments) reserve(ctx context.Context, a *Attachment) error {
	write := func(ctx context.Context) error {
		if err := s.refer(ctx, a.SHA256, a.Size); err != nil {
			return err
		}
		return s.d.store.Insert(ctx, a)
	}
	err := s.d.store.Tx(ctx, write)
	if errors.Is(err, ErrDuplicate) { // the same file came twice at once
		a.ID = 0
		err = s.d.store.Tx(ctx, write)
	}
	return err
}

func (s Attachments) refer(ctx context.Context, sum string, size int64) error {
	rows, err := update[blob](ctx, s.d.store, []Assign{Add("refs", 1), Set("released_at", nil)}, Is("sha256", sum))
	if err != nil || len(rows) == 1 {
		return err
	}
	return s.d.store.Insert(ctx, &blob{SHA256: sum, Size: size, Refs: 1})
}

func (s Attachments) put(ctx context.Context, sum, path string) error {
	file, err := os.Open(path) //nolint:gosec // a name that the desk made
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	return s.d.config.Files.Put(ctx, sum, file)
}

// cleanName makes of what a browser sent a name that is safe to show, to store
// and to put into a header: no paths, no control or invisible characters.
func cleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`"<>|:*?;%`, r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)
	name = strings.Trim(name, " .")
	for len(name) > 150 {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	if name == "" {
		return "file"
	}
	return name
}

// claim gives uploads of the actor to a reply.
func (s Attachments) claim(ctx context.Context, ids []int64, r Reply) error {
	if len(ids) == 0 {
		return nil
	}
	rows, err := update[Attachment](ctx, s.d.store, []Assign{Set("ticket_id", r.TicketID), Set("reply_id", r.ID)},
		append(unclaimed(), Where("id", In, ids), Is("uploader", ActorFrom(ctx).key()), Is("stored", true))...)
	if err == nil && len(rows) != len(ids) {
		err = InvalidField("attachments", "name files that you uploaded within a day and have not used yet, each once")
	}
	return err
}

// copy gives the files of a reply to another one as well.
func (s Attachments) copy(ctx context.Context, from int64, to Reply) error {
	rows, err := find[Attachment](ctx, s.d.store, Query{Where: []Cond{Is("reply_id", from)}, Order: []Order{{Column: "id"}}})
	if err != nil {
		return err
	}
	for _, a := range rows {
		a.ID, a.TicketID, a.ReplyID = 0, &to.TicketID, &to.ID
		if err := s.refer(ctx, a.SHA256, a.Size); err != nil {
			return err
		}
		if err := s.d.store.Insert(ctx, &a); err != nil {
			return err
		}
	}
	return nil
}

// move follows a merge.
func (s Attachments) move(ctx context.Context, from, to int64) error {
	_, err := update[Attachment](ctx, s.d.store, []Assign{Set("ticket_id", to)}, Is("ticket_id", from))
	return err
}

// follow puts the files of a reply where the reply went.
func (s Attachments) follow(ctx context.Context, reply, ticket int64) error {
	_, err := update[Attachment](ctx, s.d.store, []Assign{Set("ticket_id", ticket)}, Is("reply_id", reply))
	return err
}

// Open reads a file that the actor may see: an own upload, or one of a reply
// that the actor reads. Close what it returns.
func (s Attachments) Open(ctx context.Context, id int64) (Attachment, io.ReadCloser, error) {
	a, err := byID[Attachment](ctx, s.d.store, "attachment", id, Is("stored", true))
	if err == nil {
		err = s.visible(ctx, a)
	}
	if err != nil {
		return a, nil, err
	}
	return s.read(ctx, a)
}

// read opens the content of a file that the caller may see.
func (s Attachments) read(ctx context.Context, a Attachment) (Attachment, io.ReadCloser, error) {
	if s.d.config.Files == nil {
		return a, nil, Errorf(Unavailable, "this desk keeps no files")
	}
	content, err := s.d.config.Files.Open(ctx, a.SHA256)
	if err != nil {
		return a, nil, fmt.Errorf("attachment %d: %w", a.ID, err)
	}
	return a, content, nil
}

func (s Attachments) visible(ctx context.Context, a Attachment) error {
	if a.Keeper != nil { // who reads it is for the plugin to say
		return notFound("attachment", a.ID)
	}
	if a.ReplyID == nil {
		if a.Uploader == ActorFrom(ctx).key() {
			return nil
		}
		return notFound("attachment", a.ID)
	}
	r, err := byID[Reply](ctx, s.d.store, "reply", *a.ReplyID)
	if err != nil {
		return err
	}
	if _, err := s.d.Tickets.Get(ctx, r.TicketID); err == nil && r.visible(ActorFrom(ctx)) {
		return nil
	}
	if r.MergedFromID != nil { // the requester of a merged ticket still reads what was in it
		was := asBefore(Ticket{ID: *r.MergedFromID, MergedIntoID: &r.TicketID}, []Reply{r})[0]
		if _, err := s.d.Tickets.Get(ctx, was.TicketID); err == nil && was.visible(ActorFrom(ctx)) {
			return nil
		}
	}
	return notFound("attachment", a.ID)
}
