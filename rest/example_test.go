package rest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/hookdesk/hookdesk/rest"
)

func ExampleJSON() {
	type rename struct {
		ID    int64  `path:"id" min:"1"`
		Title string `json:"title" max:"20" doc:"shown in lists"`
	}
	type article struct {
		ID    int64    `json:"id"`
		Title string   `json:"title"`
		Tags  []string `json:"tags"`
	}
	put := func(_ context.Context, in rename) (article, error) {
		return article{ID: in.ID, Title: in.Title, Tags: []string{}}, nil
	}

	table := rest.New(rest.Options{})
	table.Owner("kb").Handle("PUT /api/kb/articles/{id}", rest.Public, rest.JSON(put))

	for _, body := range []string{`{"title":"Printers"}`, `{"Title":"Printers"}`} {
		r := httptest.NewRequest("PUT", "/api/kb/articles/7", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		muxHandler("", table).ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"id":7,"title":"Printers","tags":[]}
	// 422 {"type":"urn:hookdesk:problem:invalid","title":"Unprocessable Entity","status":422,"detail":"the input is not valid","instance":"/api/kb/articles/7","errors":[{"field":"Title","message":"is not a field here"},{"field":"title","message":"is missing"}]}
}

func ExampleFunc() {
	hook := func(w http.ResponseWriter, r *http.Request) error {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return err // over the limit: 413
		}
		if r.Header.Get("Signature") == "" {
			return rest.Errorf(rest.Forbidden, "not signed")
		}
		_, err = fmt.Fprintf(w, "%d bytes", len(raw))
		return err
	}

	table := rest.New(rest.Options{})
	table.Owner("email").Handle("POST /api/email/inbound", rest.Public,
		rest.Describe(rest.Func(hook), rest.Doc("A mail as it came."), rest.Takes("message/rfc822"), rest.Gives("text/plain"), rest.Limit(1<<20)))
	fmt.Print(table.List())

	r := httptest.NewRequest("POST", "/api/email/inbound", strings.NewReader("Subject: help"))
	r.Header.Set("Signature", "yes")
	w := httptest.NewRecorder()
	table.Match("POST", "/api/email/inbound").ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// GET	/api/docs	public	core
	// POST	/api/email/inbound	public	email
	// GET	/api/openapi.json	public	core
	// *	/api/{rest...}	public	core
	// 200 13 bytes
}
