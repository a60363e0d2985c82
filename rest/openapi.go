package rest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// document is OpenAPI 3.1, without servers, which depend on the request.
type document struct {
	OpenAPI string                           `json:"openapi"`
	Info    docInfo                          `json:"info"`
	Paths   map[string]map[string]*docAction `json:"paths"`
	Parts   docParts                         `json:"components"`
}

type docInfo struct {
	Title   string `json:"title"`
	Version string `json:"version"`
}

type docParts struct {
	Schemas   map[string]*Schema `json:"schemas"`
	Responses map[string]docBody `json:"responses"`
}

type docAction struct {
	ID        string             `json:"operationId"`
	Summary   string             `json:"summary,omitempty"`
	Tags      []string           `json:"tags"`
	Policy    string             `json:"x-policy"`
	Params    []docParam         `json:"parameters,omitempty"`
	Body      *docBody           `json:"requestBody,omitempty"`
	Responses map[string]docBody `json:"responses"`
}

type docParam struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Schema      *Schema `json:"schema"`
}

type docBody struct {
	Ref         string              `json:"$ref,omitempty"`
	Description string              `json:"description,omitempty"`
	Required    bool                `json:"required,omitempty"`
	Content     map[string]docMedia `json:"content,omitempty"`
}

type docMedia struct {
	Schema *Schema `json:"schema,omitempty"`
}

// edition is the document and its page as they are until the table's
// generation changes.
type edition struct {
	gen        uint64
	json, html []byte
}

// edition returns the current one. Two requests may make it at once: both are
// the same.
func (t *Table) edition() (*edition, error) {
	gen := t.gen.Load()
	if e := t.doc.Load(); e != nil && e.gen == gen {
		return e, nil
	}
	doc, err := t.document()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode the OpenAPI document: %w", err)
	}
	page, err := doc.page()
	if err != nil {
		return nil, err
	}
	e := &edition{gen: gen, json: text, html: page}
	t.doc.Store(e)
	return e, nil
}

// serveOpenAPI describes the typed and described rows of owners that are on.
func (t *Table) serveOpenAPI(w http.ResponseWriter, r *http.Request) error {
	e, err := t.edition()
	if err != nil {
		return err
	}
	prefix := strings.TrimSuffix(whole(r), "/api/openapi.json")
	if prefix == "" {
		prefix = "/"
	}
	server, err := json.Marshal(prefix)
	if err != nil {
		return fmt.Errorf("encode the prefix: %w", err)
	}
	text := slices.Concat([]byte(`{"servers":[{"url":`), server, []byte(`}],`), e.json[1:])
	send(w, r, http.StatusOK, "application/json", text)
	return nil
}

// document describes what is on.
func (t *Table) document() (*document, error) {
	t.mu.Lock() // book.of may add a name
	defer t.mu.Unlock()
	wrong, err := t.book.of(reflect.TypeFor[Problem]())
	if err != nil {
		return nil, err
	}
	doc := &document{OpenAPI: "3.1.0", Info: docInfo{t.opts.Title, t.opts.Version}, Paths: map[string]map[string]*docAction{}}
	doc.Parts.Schemas = map[string]*Schema{}
	doc.Parts.Responses = map[string]docBody{"Problem": content("what went wrong (RFC 9457)", wrong, "application/problem+json")}
	wrong.collect(doc.Parts.Schemas)
	for _, rt := range t.routes {
		if !rt.op.listed || rt.owner.off.Load() {
			continue
		}
		path := rt.printed()
		if doc.Paths[path] == nil {
			doc.Paths[path] = map[string]*docAction{}
		}
		doc.Paths[path][strings.ToLower(rt.Method)] = rt.action()
		if rt.op.bodied() {
			rt.op.body.collect(doc.Parts.Schemas)
		}
		rt.op.out.collect(doc.Parts.Schemas)
		rt.op.shape.collect(doc.Parts.Schemas)
		for _, p := range rt.op.params {
			p.schema.collect(doc.Parts.Schemas)
		}
	}
	return doc, nil
}

// printed is the path as OpenAPI writes it.
func (rt *Route) printed() string { return strings.ReplaceAll(rt.Path, "...}", "}") }

// action describes one row.
func (rt *Route) action() *docAction {
	op := rt.op
	done := content("done", op.out, op.gives...)
	if op.out != nil {
		done = content("done", op.out, "application/json")
	}
	if op.shape != nil {
		written := content("", op.shape, "application/json").Content
		maps.Copy(written, done.Content)
		done.Content = written
	}
	status := strconv.Itoa(cmp.Or(op.status, http.StatusOK))
	a := &docAction{
		ID: rt.id, Summary: op.doc, Tags: []string{rt.Owner}, Policy: rt.Policy.String(), Params: rt.docParams(),
		Responses: map[string]docBody{status: done, "default": {Ref: "#/components/responses/Problem"}},
	}
	if op.bodied() {
		body := content("", op.body, "application/json")
		body.Required = len(op.body.base().Required) > 0
		a.Body = &body
	} else if op.takes != nil {
		body := content("", op.form, op.takes...)
		body.Required, a.Body = true, &body
	}
	return a
}

// bodied tells whether the body has fields: a typed POST without any takes
// {} as well, which is not worth a word.
func (op *operation) bodied() bool { return op.body != nil && len(op.body.base().Properties) > 0 }

func (rt *Route) docParams() []docParam {
	params := []docParam{}
	for _, p := range rt.op.params {
		s := *p.schema
		s.Description = "" // the parameter carries it
		params = append(params, docParam{p.name, p.in, p.schema.Description, p.must, &s})
	}
	if rt.op.extra != nil {
		list := slices.Clone(*rt.extra.Load())
		slices.SortFunc(list, func(a, b *query) int { return strings.Compare(a.param.name, b.param.name) })
		for _, q := range list {
			s := *q.param.schema
			s.Description = ""
			if !q.owner.off.Load() {
				params = append(params, docParam{q.param.name, "query", q.doc, false, &s})
			}
		}
	}
	if rt.op.typed && !safe(rt.Method) && rt.table.opts.Receipts != nil && rt.op.param("header", keyHeader) == nil {
		lo, hi := 1.0, 200.0
		params = append(params, docParam{
			keyHeader, "header", "visible ASCII; the same key gives the same answer, without doing it again", false,
			&Schema{Type: "string", MinLength: &lo, MaxLength: &hi},
		})
	}
	return params
}

func content(text string, s *Schema, media ...string) docBody {
	b := docBody{Description: text}
	for _, m := range media {
		if b.Content == nil {
			b.Content = map[string]docMedia{}
		}
		b.Content[m] = docMedia{s}
	}
	return b
}

// operationID is unique among all rows, on or off, so that a switch renames
// nothing.
func (t *Table) operationID(rt *Route) string {
	id := strings.ToLower(rt.Method) + strings.NewReplacer("/{", "-by-", "}", "", "...}", "", "/", "-").Replace(rt.Path)
	taken := map[string]bool{}
	for _, other := range t.routes {
		taken[other.id] = true
	}
	for taken[id] {
		id += "-2"
	}
	return id
}

// sorted is what a map holds, in the order of its keys.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
