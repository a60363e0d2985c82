package core

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hookdesk/hookdesk/rest"
)

// TakeFile makes a route's handler of fn, which is given the file of a form: its
// part "file", under the name that the browser sent. What fn returns is answered
// as JSON, with 201. Attachments.Upload does the rest of an upload.
func TakeFile[In, Out any](fn func(ctx context.Context, in In, name string, content io.Reader) (Out, error), opts ...Option) http.Handler {
	return rest.Stream(func(w http.ResponseWriter, r *http.Request, in In) error {
		file, err := formFile(r)
		if err != nil {
			return err
		}
		out, err := fn(r.Context(), in, file.FileName(), file)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusCreated)
		return json.NewEncoder(w).Encode(out)
	}, slices.Concat(opts, []Option{rest.Form("file"), rest.Status(http.StatusCreated), rest.Answers[Out]()})...)
}

func formFile(r *http.Request) (*multipart.Part, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, Errorf(rest.NotJSON, "send multipart/form-data with the part file")
	}
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil, InvalidField("file", "is missing")
		case err != nil:
			return nil, Errorf(rest.Malformed, "the form cannot be read")
		case part.FormName() == "file":
			return part, nil
		}
	}
}

// GiveFile makes a route's handler of fn, which opens the file that is downloaded.
// A file is always offered for saving: what somebody uploaded must not run in the
// browser of somebody else.
func GiveFile[In any](fn func(context.Context, In) (Attachment, io.ReadCloser, error), opts ...Option) http.Handler {
	return rest.Stream(func(w http.ResponseWriter, r *http.Request, in In) error {
		file, content, err := fn(r.Context(), in)
		if err != nil {
			return err
		}
		defer func() { _ = content.Close() }() // only read
		describeFile(w.Header(), file)
		if r.Method == http.MethodHead {
			return nil
		}
		_, err = io.Copy(w, content)
		return err
	}, append(slices.Clip(opts), rest.Gives("application/octet-stream"))...)
}

// harmless are the types that are named to the browser; the rest is bytes.
var harmless = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "application/pdf": true, "text/plain": true,
}

func describeFile(h http.Header, file Attachment) {
	kind, _, _ := strings.Cut(file.MediaType, ";")
	if !harmless[kind] {
		kind = "application/octet-stream"
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.FormatInt(file.Size, 10))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cache-Control", "private, no-store")
}
