package rest_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/rest"
)

// view shows a ticket to agents and to others.
type view struct{ agent bool }

type agentView struct {
	Subject string   `json:"subject"`
	Notes   []string `json:"notes"`
}

type customerView struct {
	Subject string `json:"subject"`
}

// OneOf lists both forms.
func (view) OneOf() []any { return []any{agentView{}, customerView{}} }

// MarshalJSON writes one of them.
func (v view) MarshalJSON() ([]byte, error) {
	if v.agent {
		return json.Marshal(agentView{"s", []string{}})
	}
	return json.Marshal(customerView{"s"})
}

func TestAnAnswerOfSeveralForms(t *testing.T) {
	table := rest.New(options())
	table.Owner("core").Handle("GET /api/views", rest.Public, rest.JSON(func(context.Context, struct{}) ([]view, error) {
		return []view{{true}, {false}}, nil
	}))
	h := muxHandler("", table)
	_, text := do(h, "nobody GET /api/views")
	rt := table.Match("GET", "/api/views")
	if err := rt.CheckAnswer([]byte(text)); err != nil || text != `[{"subject":"s","notes":[]},{"subject":"s"}]` {
		t.Error(text, err)
	}
	for _, wrong := range []string{`[{"subject":"s","notes":null}]`, `[{"notes":[]}]`, `[null]`, `null`} {
		if rt.CheckAnswer([]byte(wrong)) == nil {
			t.Errorf("%s passes", wrong)
		}
	}
	_, doc := do(h, "nobody GET /api/openapi.json")
	for _, want := range []string{`"rest_test.agentView":{`, `"rest_test.customerView":{`, `{"anyOf":[{"$ref":`} {
		if !strings.Contains(doc, want) {
			t.Errorf("no %s in the document", want)
		}
	}
}

func TestCheckAnswerHoldsAnswersToTheirPromise(t *testing.T) {
	table := newTable(t, options())
	for body, want := range map[string]string{
		`{"ticket_id":1,"until":"2026-01-02T03:04:05Z","note":null,"tags":[]}`:           "",
		`{"ticket_id":1,"until":"2026-01-02T03:04:05Z","note":null,"tags":null}`:         "tags must be of type array, not null",
		`{"ticket_id":1,"until":"2026-01-02T03:04:05Z","tags":[]}`:                       "note is missing",
		`{"ticket_id":1,"until":"2026-01-02T03:04:05Z","note":null,"tags":[],"more":1}`:  "more is not a field here",
		`{"ticket_id":1,"until":"2026-01-02T03:04:05Z","note":null,"tags":[],"next":{}}`: "next.tags is missing",
		`not JSON`: "is not JSON",
	} {
		err := table.Match("PUT", "/api/tickets/1/snooze").CheckAnswer([]byte(body))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	if table.Match("DELETE", "/api/tickets/1/snooze").CheckAnswer([]byte("{}")) == nil {
		t.Error("a body where there is none passes")
	}
	if err := table.Match("POST", "/api/attachments").CheckAnswer([]byte("raw")); err != nil {
		t.Error("a raw row promises nothing:", err)
	}
}

func TestSettingsAreReadLikeBodies(t *testing.T) {
	type settings struct {
		Days  int    `json:"days,omitempty" default:"7" min:"1"`
		Title string `json:"title"`
	}
	var in settings
	if err := rest.Decode([]byte(`{"title":"x"}`), &in); err != nil || in != (settings{7, "x"}) {
		t.Error(in, err)
	}
	for body, kind := range map[string]rest.Kind{
		`{"days":0,"title":"x"}`: rest.Invalid, `{}`: rest.Invalid, `{"title":"x","Days":3}`: rest.Invalid, `{`: rest.Malformed,
	} {
		if err := rest.Decode([]byte(body), new(settings)); rest.KindOf(err) != kind {
			t.Errorf("%s: %v", body, err)
		}
	}
	s, err := rest.SchemaOf(settings{})
	if err != nil || s.Type != "object" || !slices.Equal(s.Required, []string{"title"}) || s.Properties["days"] == nil {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := rest.SchemaOf(7); err == nil {
		t.Error("a number is no struct")
	}
	if rest.Decode(nil, settings{}) == nil || rest.Decode(nil, nil) == nil {
		t.Error("only a pointer can be read into")
	}
}

func TestATagListsTheValuesOfAString(t *testing.T) {
	type settings struct {
		Colour string   `json:"colour" enum:"red|dark blue"`
		Sizes  []string `json:"sizes" enum:"s|m"`
	}
	for body, kind := range map[string]rest.Kind{
		`{"colour":"dark blue","sizes":["m","s"]}`: 0, `{"colour":"blue","sizes":[]}`: rest.Invalid, `{"colour":"red","sizes":["s","l"]}`: rest.Invalid,
	} {
		if err := rest.Decode([]byte(body), new(settings)); rest.KindOf(err) != kind && (kind != 0 || err != nil) {
			t.Errorf("%s: %v", body, err)
		}
	}
	s, err := rest.SchemaOf(settings{})
	if err != nil || !slices.Equal(s.Properties["colour"].Enum, []string{"red", "dark blue"}) || !slices.Equal(s.Properties["sizes"].Items.Enum, []string{"s", "m"}) {
		t.Errorf("%+v %v", s, err)
	}
}

type tree struct {
	Leaf   leaf            `json:"leaf" doc:"the first"`
	Leaves []leaf          `json:"leaves"`
	Named  map[string]leaf `json:"named"`
	Maybe  *leaf           `json:"maybe"`
	Next   *tree           `json:"next"`
}

type leaf struct {
	Size int `json:"size" max:"3"`
}

func TestASchemaOfSettingsStandsByItself(t *testing.T) {
	s, err := rest.SchemaOf(tree{})
	if err != nil {
		t.Fatal(err)
	}
	p := s.Properties
	for name, in := range map[string]*rest.Schema{"leaf": p["leaf"], "leaves": p["leaves"].Items, "named": p["named"].Values, "maybe": p["maybe"].AnyOf[0]} {
		if in.Ref != "" || in.Type != "object" || in.Properties["size"] == nil {
			t.Errorf("%s is %+v", name, in)
		}
	}
	if p["leaf"].Description != "the first" || p["leaves"].Items.Description != "" {
		t.Errorf("%+v", p)
	}
	if _, err := json.Marshal(s); err != nil { // a type that holds itself must end somewhere
		t.Error(err)
	}
}

// lossy has carried everything out, and kept no answer.
type lossy struct{ *memory }

func (l lossy) Begin(ctx context.Context, who rest.Caller, key, route string, digest [32]byte) (context.Context, *rest.Answer, error) {
	ctx, ans, err := l.memory.Begin(ctx, who, key, route, digest)
	if err == nil && ans == nil {
		err = rest.ErrLostAnswer
	}
	return ctx, ans, err
}

func TestAnAnswerThatIsNotLostIsNotBuiltAgain(t *testing.T) {
	table := rest.New(options())
	first := func(context.Context, id) (customerView, error) { return customerView{"done"}, nil }
	again := func(context.Context, id) (customerView, error) { panic("not lost") }
	table.Owner("core").Handle("POST /with/{id}", rest.Agents, rest.JSON(first, rest.Again(again)))
	r, w := request("agent POST /with/1"), httptest.NewRecorder()
	r.Header.Set("Idempotency-Key", "k")
	if muxHandler("", table).ServeHTTP(w, r); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
}

func TestALostAnswerIsBuiltAgain(t *testing.T) {
	opts := options()
	opts.Receipts = lossy{newMemory()}
	table := rest.New(opts)
	never := func(context.Context, id) (customerView, error) { panic("done twice") }
	again := func(context.Context, id) (customerView, error) { return customerView{"found"}, nil }
	table.Owner("core").Handle("POST /with/{id}", rest.Agents, rest.JSON(never, rest.Again(again), rest.Status(201)))
	table.Owner("core").Handle("POST /without/{id}", rest.Agents, rest.JSON(never))
	h := muxHandler("", table)
	for i, c := range []struct {
		line, want string
		code       int
	}{
		{"agent POST /with/1", `{"subject":"found"}`, 201},
		{"agent POST /with/1", `{"subject":"found"}`, 201}, // now from the receipt
		{"admin POST /without/1", "its answer was lost", 409},
	} {
		r, w := request(c.line), httptest.NewRecorder()
		r.Header.Set("Idempotency-Key", "k")
		if h.ServeHTTP(w, r); w.Code != c.code || !strings.Contains(w.Body.String(), c.want) || (w.Header().Get("Idempotent-Replayed") != "") != (i == 1) {
			t.Errorf("%d: %d %v %s", i, w.Code, w.Header(), w.Body)
		}
	}
}
