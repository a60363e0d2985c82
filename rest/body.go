package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// deepest is how far arrays and objects of a body may nest.
const deepest = 64

// read returns the body, of at most limit bytes; absent is true when the
// caller sent none.
func read(w http.ResponseWriter, r *http.Request, limit int64) (text []byte, absent bool, err error) {
	if t, ok := w.(*tracker); ok {
		w = t.ResponseWriter // MaxBytesReader asks the server's own to close the connection
	}
	media := r.Header.Get("Content-Type")
	if media != "" || r.ContentLength > 0 {
		if err := isJSON(media, r.Header.Get("Content-Encoding")); err != nil {
			return nil, false, err
		}
	}
	text, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return nil, false, err
	case err != nil:
		return nil, false, &Error{Kind: Malformed, Message: "the body ends early"}
	case media == "" && len(text) > 0:
		return nil, false, isJSON(media, "")
	}
	return text, len(text) == 0, nil
}

// bodyPause is how long a caller may send nothing of a body that it announced.
const bodyPause = 30 * time.Second

// patientBody waits for the next piece of a body, but not for ever. A server that
// knows no deadlines waits as it does.
type patientBody struct {
	io.ReadCloser
	rc    *http.ResponseController
	pause time.Duration
}

func (b *patientBody) Read(p []byte) (int, error) {
	_ = b.rc.SetReadDeadline(time.Now().Add(b.pause)) //nolint:forbidigo // of the connection, which knows no other clock
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		_ = b.rc.SetReadDeadline(time.Time{}) // the next request has its own
	}
	return n, err
}

func isJSON(media, encoding string) error {
	if media == "application/json" && encoding == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(media)
	charset := strings.ToLower(params["charset"])
	if err != nil || kind != "application/json" || charset != "" && charset != "utf-8" || encoding != "" && encoding != "identity" {
		return &Error{Kind: NotJSON, Message: "send application/json"}
	}
	return nil
}

// parse makes a tree of one JSON value, with numbers as they were written.
func parse(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, &Error{Kind: Malformed, Message: "the body is not UTF-8"}
	}
	if depth(text) > deepest {
		return nil, &Error{Kind: Malformed, Message: fmt.Sprintf("the body nests deeper than %d levels", deepest)}
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&tree) != nil || len(bytes.TrimLeft(text[dec.InputOffset():], " \t\r\n")) > 0 {
		return nil, &Error{Kind: Malformed, Message: "the body is not JSON"}
	}
	return tree, nil
}

// depth is how far text nests, if it is JSON.
func depth(text []byte) int {
	deep, most, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			deep++
			most = max(most, deep)
		case c == '}' || c == ']':
			deep--
		}
	}
	return most
}
