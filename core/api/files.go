package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

func (a *api) registerFiles(o *rest.Owner) {
	o.Handle("POST /api/attachments", core.Requesters, rest.Describe(rest.Func(a.upload), created,
		doc("Upload a file, the part \"file\" of a form; a reply claims it by its id within a day."), rest.Form("file"), rest.Answers[core.Attachment]()))
	o.Handle("GET /api/attachments/{id}", core.Requesters, rest.Stream(a.download, doc("Download a file."), rest.Gives("application/octet-stream")))
}

func (a *api) upload(w http.ResponseWriter, r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return core.Errorf(rest.NotJSON, "send multipart/form-data with the part file")
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return core.InvalidField("file", "is missing")
		}
		if err != nil {
			return core.Errorf(rest.Malformed, "the form cannot be read")
		}
		if part.FormName() != "file" {
			continue
		}
		file, err := a.desk.Attachments.Upload(r.Context(), part.FileName(), part)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusCreated)
		return json.NewEncoder(w).Encode(file)
	}
}

type oneFile struct {
	ID int64 `path:"id" min:"1"`
}

// harmless are the types that are named to the browser; the rest is bytes.
var harmless = map[string]bool{"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "application/pdf": true, "text/plain": true}

// download always offers a file for saving: what a customer sent must not run
// in an agent's browser.
func (a *api) download(w http.ResponseWriter, r *http.Request, in oneFile) error {
	file, content, err := a.desk.Attachments.Open(r.Context(), in.ID)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // only read
	kind, _, _ := strings.Cut(file.MediaType, ";")
	if !harmless[kind] {
		kind = "application/octet-stream"
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.FormatInt(file.Size, 10))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cache-Control", "private, no-store")
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = io.Copy(w, content)
	return err
}
