package rest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/hookdesk/hookdesk/rest"
)

// load reads the served document as a stranger's tool does.
func load(t testing.TB, table *rest.Table) *openapi3.T {
	t.Helper()
	res, text := do(muxHandler("/support", table), "nobody GET /support/api/openapi.json")
	if res.StatusCode != 200 {
		t.Fatal(res.StatusCode, text)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDocumentIsValid(t *testing.T) {
	table := newTable(t, options())
	ids := []string{}
	for _, switched := range []bool{true, false, true} {
		table.Owner("snooze").Switch(switched)
		doc := load(t, table)
		if err := doc.Validate(context.Background()); err != nil {
			t.Error(err)
		}
		now := []string{}
		for _, item := range doc.Paths.Map() {
			for _, op := range item.Operations() {
				now = append(now, op.OperationID)
				if op.Extensions["x-policy"] == "" || op.Responses.Default() == nil {
					t.Errorf("%s: no policy or no problem", op.OperationID)
				}
			}
		}
		slices.Sort(now)
		if !slices.Equal(now, slices.Compact(slices.Clone(now))) {
			t.Errorf("an operationId comes twice: %v", now)
		}
		if len(ids) > 0 && switched && !slices.Equal(ids, now) {
			t.Errorf("a switch renames: %v, %v", ids, now)
		}
		if switched {
			ids = now
		}
	}
}

func TestTheDocumentIsTheSameEachTime(t *testing.T) {
	_, first := do(muxHandler("", newTable(t, options())), "nobody GET /api/openapi.json")
	for range 5 {
		if _, again := do(muxHandler("", newTable(t, options())), "nobody GET /api/openapi.json"); again != first {
			t.Fatal("two tables of the same rows differ")
		}
	}
	if !strings.HasPrefix(first, `{"servers":[{"url":"/"}],"openapi":"3.1.0","info":{"title":"Hookdesk","version":"0.1"}`) {
		t.Error(first[:100])
	}
}

func TestWhatTheDocumentSays(t *testing.T) {
	table := newTable(t, options())
	doc := load(t, table)
	params := func(path, method string) string {
		out := []string{}
		for _, p := range doc.Paths.Find(path).GetOperation(method).Parameters {
			out = append(out, p.Value.In+":"+p.Value.Name)
		}
		return strings.Join(out, " ")
	}
	for at, want := range map[string]string{
		"GET /api/tickets":                "query:limit query:cursor query:reason query:snoozed",
		"PUT /api/tickets/{id}/snooze":    "path:id header:If-Match header:Idempotency-Key",
		"GET /api/snoozes":                "query:limit query:cursor query:reason query:after query:level query:deep",
		"GET /api/snoozes/stream":         "query:after query:gone query:die query:early",
		"POST /api/attachments":           "",
		"PATCH /api/snoozes/{id}":         "path:id header:Idempotency-Key",
		"DELETE /api/tickets/{id}/snooze": "path:id header:Idempotency-Key",
	} {
		method, path, _ := strings.Cut(at, " ")
		if got := params(path, method); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	upload := doc.Paths.Find("/api/attachments").Post
	if upload.RequestBody.Value.Content["application/octet-stream"] == nil || upload.Summary != "Upload a file." {
		t.Errorf("%+v", upload)
	}
	if doc.Paths.Find("/api/snoozes/stream").Get.Responses.Value("200").Value.Content["text/event-stream"] == nil {
		t.Error("the stream has no media type")
	}
	if doc.Paths.Find("/api/snoozes/{id}").Patch.RequestBody.Value.Required {
		t.Error("a body of optional fields is not required")
	}
	if got := doc.Paths.Find("/api/snoozes/{id}").Patch.Extensions["x-policy"]; got != "agents needing snooze:edit" {
		t.Error(got)
	}
	table.Owner("late").Handle("GET /api/late", rest.Public, rest.JSON(say[struct{}]))
	if load(t, table).Paths.Find("/api/late") == nil {
		t.Error("a row added later is not in the document")
	}
	table.Owner("snooze").Switch(false)
	if doc = load(t, table); params("/api/tickets", "GET") != "query:limit query:cursor" {
		t.Error("off, its names stay in the document:", params("/api/tickets", "GET"))
	}
	if slices.Contains(slices.Collect(maps.Keys(doc.Components.Schemas)), "rest_test.snoozed") {
		t.Error("off, its types stay in the document")
	}
}

// Problem has the name of a type of rest.
type Problem struct {
	A json.RawMessage    `json:"a"`
	B map[string]float64 `json:"b"`
	C *id                `json:"-"`
}

func TestTypesOfOneName(t *testing.T) {
	table := rest.New(options())
	echo := func(_ context.Context, in Problem) (Problem, error) { return in, nil }
	table.Owner("a").Handle("POST /api/a", rest.Public, rest.JSON(echo))
	table.Owner("a").Handle("POST /api/b/{b}", rest.Public, rest.JSON(say[struct {
		B int `path:"b"`
	}]))
	table.Owner("a").Handle("POST /api/b/by-b", rest.Public, rest.JSON(say[struct{}]))
	table.Owner("a").Handle("POST /api/b-by-b", rest.Public, rest.JSON(say[struct{}]))
	if err := table.Err(); err != nil {
		t.Fatal(err)
	}
	doc := load(t, table)
	if err := doc.Validate(context.Background()); err != nil {
		t.Error(err)
	}
	if doc.Components.Schemas["Problem"] == nil || doc.Components.Schemas["rest_test.Problem"] == nil {
		t.Error(slices.Sorted(maps.Keys(doc.Components.Schemas)))
	}
	h := muxHandler("", table)
	if _, text := do(h, `nobody POST /api/a json {"a":{"x":[1,null]},"b":{"k":1.5,"l":2}}`); text != `{"a":{"x":[1,null]},"b":{"k":1.5,"l":2}}` {
		t.Error(text)
	}
	for _, body := range []string{`{"a":"\u0000","b":{}}`, `{"a":{"\u0000":1},"b":{}}`, `{"a":[1e400],"b":{}}`, `{"a":1,"b":{"\u0000":1}}`} {
		if res, text := do(h, "nobody POST /api/a json "+body); res.StatusCode != 422 {
			t.Errorf("%s: %d %s", body, res.StatusCode, text)
		}
	}
}

func TestTheDocsPage(t *testing.T) {
	table := newTable(t, options())
	table.Owner("x").Handle("GET /api/x", rest.Public, rest.JSON(say[struct{}], rest.Doc("<script>alert(1)</script>")))
	res, page := do(muxHandler("/support", table), "nobody GET /support/api/docs")
	_, style, _ := strings.Cut(page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	policy := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, base64.StdEncoding.EncodeToString(sum[:])) {
		t.Error("the policy does not fit the page:", policy)
	}
	for _, want := range []string{
		`<html lang="en">`, "<h1>Hookdesk: API</h1>", `href="openapi.json"`, "<code>PUT /api/tickets/{id}/snooze</code>",
		"For: agents needing snooze:edit.", `<a href="#type-rest_test.snoozed">rest_test.snoozed</a>`, "in the future, at most a year ahead",
		`<th scope="col">`, `<th scope="row">`, "<caption>", "&lt;script&gt;", "one of waiting, later", "at most 1000000, default 1.5", "Snooze a ticket.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in the page", want)
		}
	}
	for _, not := range []string{"<script", "ZgotmplZ", "<no value>", "onclick"} {
		if strings.Contains(page, not) {
			t.Errorf("%s in the page", not)
		}
	}
	if opened, closed := strings.Count(page, "<section"), strings.Count(page, "</section>"); opened != closed {
		t.Error(opened, "sections opened,", closed, "closed")
	}
}

// everything is a body of all forms that a field may have.
type everything struct {
	Text  string              `json:"text" min:"2" max:"5"`
	Short *string             `json:"short" max:"3"`
	Opt   *string             `json:"opt,omitempty"`
	Why   reason              `json:"why,omitempty"`
	NoWhy *reason             `json:"no_why"`
	Int   int                 `json:"int,omitempty" min:"-3" max:"10"`
	Byte  uint8               `json:"byte,omitempty"`
	Num   rest.Maybe[float64] `json:"num,omitzero" max:"1.5"`
	On    bool                `json:"on,omitempty"`
	List  []string            `json:"list,omitempty" min:"1" max:"2"`
	Deep  [][]*int            `json:"deep,omitempty"`
	Map   map[string]reason   `json:"map,omitempty"`
	Level level               `json:"level,omitzero"`
	Inner struct {
		A int         `json:"a"`
		B *everything `json:"b,omitempty"`
	} `json:"inner,omitzero"`
	More rest.Maybe[inner] `json:"more,omitzero"`
	Any  json.RawMessage   `json:"any,omitempty"`
}

type inner struct {
	inherited
	Items []inner `json:"items,omitempty"`
}

type inherited struct {
	Name string `json:"name"`
}

// guess writes a value that may or may not fit schema.
func guess(rnd *rand.Rand, s *openapi3.Schema, deep int) any {
	wild := []any{nil, true, 0, 3, 1.0, 1.5, -3, 300, "", "ab", "waiting", "low", "toolongtext", "ü", []any{}, []any{"a"}, []any{nil}, map[string]any{}}
	if rnd.IntN(150) == 0 || deep > 5 {
		return wild[rnd.IntN(len(wild))]
	}
	if len(s.AnyOf) > 0 {
		return guess(rnd, s.AnyOf[rnd.IntN(len(s.AnyOf))].Value, deep)
	}
	switch {
	case len(s.Enum) > 0 && rnd.IntN(20) > 0:
		return s.Enum[rnd.IntN(len(s.Enum))]
	case s.Type.Is("object"):
		m := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if odds := rnd.IntN(60); odds < 15 || odds > 0 && slices.Contains(s.Required, name) {
				m[name] = guess(rnd, s.Properties[name].Value, deep+1)
			}
		}
		if of := s.AdditionalProperties.Schema; of != nil {
			for range rnd.IntN(3) {
				m[fmt.Sprint("k", rnd.IntN(9))] = guess(rnd, of.Value, deep+1)
			}
		}
		return m
	case s.Type.Is("array"):
		list := []any{}
		for range []int{1, 1, 1, 2, 2, 2, 0, 3}[rnd.IntN(8)] {
			list = append(list, guess(rnd, s.Items.Value, deep+1))
		}
		return list
	case s.Type.Is("string"):
		return strings.Repeat("é", []int{2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 0, 6}[rnd.IntN(16)])
	case s.Type.Is("integer"):
		return []any{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, -3, -4, 10, 11, 255, 256, json.Number("2.0"), json.Number("1e1"), json.Number("0.5")}[rnd.IntN(30)]
	case s.Type.Is("number"):
		return []any{0, 1.5, 1.6, -2e10, json.Number("1E-3")}[rnd.IntN(5)]
	case s.Type.Is("boolean"):
		return rnd.IntN(2) == 0
	}
	return wild[rnd.IntN(len(wild))]
}

// The server and the document it serves judge the same bodies: kin-openapi
// checks by JSON Schema 2020-12. Unknown keys are left out, as the document
// lets them open on purpose.
func TestServerAndDocumentAgree(t *testing.T) {
	table := rest.New(options())
	table.Owner("core").Handle("POST /api/everything", rest.Public, rest.JSON(say[everything]))
	if err := table.Err(); err != nil {
		t.Fatal(err)
	}
	h, schema := muxHandler("", table), load(t, table).Components.Schemas["rest_test.everything"].Value
	schema.If = openapi3.NewSchemaRef("", openapi3.NewSchema()) // says nothing, but keeps kin-openapi from its checker for 3.0
	rnd, count := rand.New(rand.NewPCG(1, 2)), map[int]int{}
	for range 2000 {
		body, err := json.Marshal(guess(rnd, schema, 0))
		if err != nil {
			t.Fatal(err)
		}
		var value any
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		if err := dec.Decode(&value); err != nil {
			t.Fatal(err)
		}
		said := schema.VisitJSON(value, openapi3.EnableJSONSchema2020())
		r := httptest.NewRequest("POST", "/api/everything", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if count[w.Code]++; (said == nil) != (w.Code == 204) || w.Code != 204 && w.Code != 422 {
			t.Errorf("%s\nserver: %d %s\ndocument: %v", body, w.Code, w.Body, said)
			if count[-1]++; count[-1] > 3 {
				t.FailNow()
			}
		}
	}
	if count[204] < 200 || count[422] < 200 {
		t.Errorf("the bodies are too much alike: %v", count)
	}
	t.Log(count)
}
