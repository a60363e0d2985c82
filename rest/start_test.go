package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/uptrace/bunrouter"

	"github.com/hookdesk/hookdesk/rest"
)

// say takes any input and answers nothing.
func say[In any](context.Context, In) (rest.None, error) { return rest.None{}, nil }

func get[In any](o *rest.Owner, path string) { o.Handle("GET "+path, rest.Public, rest.JSON(say[In])) }

func post[In any](o *rest.Owner) { o.Handle("POST /api/a", rest.Public, rest.JSON(say[In])) }

func answers[Out any](o *rest.Owner) {
	o.Handle("POST /api/a", rest.Public, rest.JSON(func(context.Context, struct{}) (out Out, err error) { return }))
}

type id struct {
	ID int `path:"id"`
}

type pointing struct {
	*id
	A int `json:"a"`
}

// half can write itself but not read itself.
type half struct{ A int }

// MarshalText is one half.
func (half) MarshalText() ([]byte, error) { return nil, nil }

// oddEnum lists values but is a number.
type oddEnum int

// Values lists what no number can be.
func (oddEnum) Values() []string { return []string{"a"} }

// bug panics where it should describe itself.
type bug struct{}

// Schema panics.
func (bug) Schema() rest.Schema { panic("no schema") }

func TestWhatDoesNotStart(t *testing.T) {
	for want, register := range map[string]func(*rest.Owner){
		"no policy":                             func(o *rest.Owner) { o.Handle("GET /api/a", rest.Policy{}, rest.JSON(say[struct{}])) },
		"METHOD /path":                          func(o *rest.Owner) { get[struct{}](o, "api/a") },
		"without a slash":                       func(o *rest.Owner) { get[struct{}](o, "/api/a/") },
		"no rows for the method BREW":           func(o *rest.Owner) { o.Handle("BREW /api/a", rest.Public, rest.JSON(say[struct{}])) },
		"no handler":                            func(o *rest.Owner) { o.Handle("GET /api/a", rest.Public, nil) },
		"no handler ":                           func(o *rest.Owner) { o.Handle("GET /api/a", rest.Public, rest.Func(nil)) },
		"no handler  ":                          func(o *rest.Owner) { o.Handle("GET /api/a", rest.Public, rest.JSON[id, id](nil)) },
		"no handler   ":                         func(o *rest.Owner) { o.Handle("GET /api/a", rest.Public, rest.Stream[id](nil)) },
		"no handler    ":                        func(o *rest.Owner) { o.Handle("GET /api/a", rest.Public, rest.Describe(nil)) },
		"needs a method":                        func(o *rest.Owner) { o.Handle("/api/a", rest.Public, rest.JSON(say[struct{}])) },
		"needs a method ":                       func(o *rest.Owner) { o.Handle("/api/a", rest.Public, rest.Describe(http.NotFoundHandler())) },
		"options to the typed handler":          func(o *rest.Owner) { o.Handle("GET /api/a", rest.Public, rest.Describe(rest.JSON(say[struct{}]))) },
		"rest.None does not go with status 302": func(o *rest.Owner) { o.Handle("GET /api/a", rest.Public, rest.JSON(say[struct{}], rest.Status(302))) },
		"a typed row takes and gives JSON":      func(o *rest.Owner) { o.Handle("GET /api/a", rest.Public, rest.JSON(say[struct{}], rest.Gives("a/b"))) },
		"Again is for [int rest.None]": func(o *rest.Owner) {
			o.Handle("POST /api/a", rest.Public, rest.JSON(say[struct{}], rest.Again(say[int])))
		},
		"the pattern has [id]": func(o *rest.Owner) { get[struct{}](o, "/api/{id}/a") },
		"path fields [id]":     func(o *rest.Owner) { get[id](o, "/api/a") },
		"has no body": func(o *rest.Owner) {
			get[struct {
				A int `json:"a"`
			}](o, "/api/a")
		},
		"is not a plain struct": func(o *rest.Owner) { post[[]int](o) },
		"chan int has no form in JSON": func(o *rest.Owner) {
			post[struct {
				A chan int `json:"a"`
			}](o)
		},
		"interface {} has no form in JSON": func(o *rest.Owner) { answers[map[string]any](o) },
		"**int has no form in JSON": func(o *rest.Owner) {
			post[struct {
				A **int `json:"a"`
			}](o)
		},
		"[]uint8 has no form in JSON":       func(o *rest.Owner) { answers[[]byte](o) },
		"only one of marshal and unmarshal": func(o *rest.Owner) { answers[half](o) },
		"neither a string nor reads itself": func(o *rest.Owner) { answers[oddEnum](o) },
		"panic: no schema":                  func(o *rest.Owner) { answers[bug](o) },
		"A: needs a json name":              func(o *rest.Owner) { post[struct{ A int }](o) },
		"comes from two places": func(o *rest.Owner) {
			post[struct {
				A int `json:"a" query:"a"`
			}](o)
		},
		`the json option "string"`: func(o *rest.Owner) {
			post[struct {
				A int `json:"a,string"`
			}](o)
		},
		`is the second field called "tickets"`: func(o *rest.Owner) {
			answers[struct {
				ticketList
				B []string `json:"tickets"`
			}](o)
		},
		"holds a OneOf": func(o *rest.Owner) {
			post[struct {
				A []view `json:"a"`
			}](o)
		},
		"a Maybe needs omitzero": func(o *rest.Owner) {
			post[struct {
				A rest.Maybe[int] `json:"a"`
			}](o)
		},
		`enum:"1|2" does not fit`: func(o *rest.Owner) {
			post[struct {
				A int `json:"a" enum:"1|2"`
			}](o)
		},
		`enum:"a|b" does not fit`: func(o *rest.Owner) {
			post[struct {
				A time.Time `json:"a" enum:"a|b"`
			}](o)
		},
		`min:"one" does not fit`: func(o *rest.Owner) {
			post[struct {
				A int `json:"a" min:"one"`
			}](o)
		},
		`max:"3" does not fit`: func(o *rest.Owner) {
			post[struct {
				A time.Time `json:"a" max:"3"`
			}](o)
		},
		`default:"x" must be of type`: func(o *rest.Owner) {
			get[struct {
				A int `query:"a" default:"x"`
			}](o, "/api/a")
		},
		`default:"9" must be at most 5`: func(o *rest.Owner) {
			get[struct {
				A int `query:"a" default:"9" max:"5"`
			}](o, "/api/a")
		},
		"of a field that must be there": func(o *rest.Owner) {
			post[struct {
				A int `json:"a" default:"1"`
			}](o)
		},
		"embeds the pointer": func(o *rest.Owner) { o.Handle("POST /api/{id}", rest.Public, rest.JSON(say[pointing])) },
		"does not fit into a path, query": func(o *rest.Owner) {
			get[struct {
				A ticket `query:"a"`
			}](o, "/api/a")
		},
		"one value of a name": func(o *rest.Owner) {
			get[struct {
				A []int `path:"a"`
			}](o, "/api/{a}")
		},
		"is the second field for a": func(o *rest.Owner) {
			get[struct {
				A, B int `query:"a"`
			}](o, "/api/a")
		},
		"is not exported": func(o *rest.Owner) {
			get[struct {
				a int `query:"a"`
			}](o, "/api/a")
		},
		"needs the type url.Values": func(o *rest.Owner) {
			get[struct {
				A []string `query:"*"`
			}](o, "/api/a")
		},
		`conflicts with pattern "GET /api/{id}/x"`: func(o *rest.Owner) { get[id](o, "/api/{id}/x"); get[id](o, "/api/y/{id}") },
		"(a row of core)":                          func(o *rest.Owner) { o.Handle("GET /api/docs", rest.Public, rest.Func(upload)) },
		"use the same names": func(o *rest.Owner) {
			get[id](o, "/api/{id}/x")
			get[struct {
				B int `path:"b"`
			}](o, "/api/{b}/x/y")
			get[struct {
				B int `path:"b"`
			}](o, "/api/{b}/x")
		},
		"middleware: it returned no handler": func(o *rest.Owner) { o.Use(func(http.Handler) http.Handler { return nil }) },
		"middleware: panic: a bug":           func(o *rest.Owner) { o.Use(func(http.Handler) http.Handler { panic("a bug") }) },
		"no such route":                      func(o *rest.Owner) { o.Query("GET /api/nowhere", "a", 1, "") },
		"takes no further names":             func(o *rest.Owner) { get[struct{}](o, "/api/a"); o.Query("GET /api/a", "a", 1, "") },
		"the row has that name itself":       func(o *rest.Owner) { get[listInput](o, "/api/a"); o.Query("GET /api/a", "limit", 1, "") },
		"plugin broken adds that name too": func(o *rest.Owner) {
			o.Query("GET /api/a", "a", 1, "")
			o.Query("GET /api/a", "a", 1, "")
			get[listInput](o, "/api/a")
		},
		"an example is needed":    func(o *rest.Owner) { o.Query("GET /api/a", "a", nil, "") },
		"url.Values does not fit": func(o *rest.Owner) { o.Query("GET /api/a", "a", url.Values{}, "") },
	} {
		want = strings.TrimRight(want, " ")
		table := rest.New(options())
		register(table.Owner("broken"))
		err := table.Err()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "plugin broken: ") {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

type unfit struct {
	A chan int `json:"a"`
}

func TestAllThatIsWrongIsTold(t *testing.T) {
	opts := options()
	opts.TrustedOrigins = []string{"shop.example"}
	table := rest.New(opts)
	for _, plugin := range []string{"one", "two"} {
		post[unfit](table.Owner(plugin)) // the same type twice: described by half it must not pass
		table.Owner(plugin).Handle("GET /api/b", rest.Policy{}, rest.Func(upload))
	}
	err := table.Err()
	for _, want := range []string{
		"trusted origins: ", `plugin one: route "POST /api/a": `, `plugin two: route "POST /api/a": `,
		`plugin one: route "GET /api/b": no policy`, `plugin two: route "GET /api/b": no policy`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if err := table.Owner("two").Err(); strings.Contains(err.Error(), "one") {
		t.Errorf("an owner's errors are its own: %v", err)
	}
}

func TestRowsMayComeAfterTheirQueryNames(t *testing.T) {
	table := rest.New(options())
	table.Owner("p").Query("GET /api/a", "b", 1, "")
	if table.RowErr() != nil || table.Err() == nil {
		t.Errorf("before: %v, %v", table.RowErr(), table.Err())
	}
	if get[listInput](table.Owner("core"), "/api/a"); table.Err() != nil {
		t.Error("after:", table.Err())
	}
	if table.Owner("p").Handle("GET /b", rest.Policy{}, rest.Func(upload)); table.RowErr() == nil {
		t.Error("a wrong row is not told")
	}
}

func TestRemoveTakesAllAway(t *testing.T) {
	table := newTable(t, options())
	before := table.List()
	o := table.Owner("extra")
	o.Handle("GET /api/extra", rest.Public, rest.JSON(say[struct{}]))
	o.Handle("GET /api/extra", rest.Policy{}, rest.JSON(say[struct{}]))
	o.Query("GET /api/tickets", "extra", 1, "")
	o.Use(func(http.Handler) http.Handler { return http.NotFoundHandler() })
	h := muxHandler("/support", table) // already mounted
	o.Remove()
	o.Switch(true)
	o.Handle("GET /api/late", rest.Public, rest.JSON(say[struct{}]))
	o.Query("GET /api/tickets", "late", 1, "")
	o.Use(func(http.Handler) http.Handler { return http.NotFoundHandler() })
	if err := table.Err(); err != nil || table.List() != before {
		t.Errorf("%v\n%s", err, table.List())
	}
	if res, text := do(h, "admin GET /support/api/extra"); res.StatusCode != 404 || !strings.Contains(text, "nothing here") {
		t.Error(res.StatusCode, text)
	}
	if res, text := do(h, "admin GET /support/api/tickets?extra=1"); res.StatusCode != 422 {
		t.Error(res.StatusCode, text)
	}
	if o.Err() == nil {
		t.Error("what is added after Remove is an error of the owner")
	}
	again := table.Owner("extra") // a second start may do better
	again.Handle("GET /api/extra", rest.Public, rest.JSON(say[struct{}]))
	if res, _ := do(muxHandler("/support", table), "admin GET /support/api/extra"); table.Err() != nil || res.StatusCode != 204 {
		t.Error(table.Err(), res.StatusCode)
	}
}

func TestTheCoreStaysOn(t *testing.T) {
	table := newTable(t, options())
	table.Owner("core").Switch(false)
	table.Owner("core").Remove()
	if res, _ := do(muxHandler("", table), "nobody GET /api/openapi.json"); res.StatusCode != 200 {
		t.Error(res.StatusCode)
	}
}

func TestARowThatConflictsLeavesNothingBehind(t *testing.T) {
	table := rest.New(options())
	o := table.Owner("p")
	o.Handle("POST /x/{a}/b", rest.Public, rest.Func(upload))
	o.Handle("/x/b/{c}", rest.Public, rest.Func(upload)) // its GET fits, its POST does not
	if o.Err() == nil || table.Match("GET", "/x/b/1") != nil {
		t.Error("half a row stands:", o.Err())
	}
	other := table.Owner("q")
	if other.Handle("GET /x/b/{c}", rest.Public, rest.Func(upload)); other.Err() != nil {
		t.Error(other.Err())
	}
}

func TestMatch(t *testing.T) {
	table := newTable(t, options())
	for at, want := range map[string]string{
		"GET /api/tickets?limit=1": "GET /api/tickets", "HEAD /api/tickets": "GET /api/tickets",
		"PATCH /api/snoozes/a%2Fb": "PATCH /api/snoozes/{id}", "GET /api/x": "/api/{rest...}",
		"DELETE /plugins/snooze/x": "/plugins/snooze/{path...}", "GET /elsewhere": "", "GET /api//x": "", "GET nonsense": "",
	} {
		method, path, _ := strings.Cut(at, " ")
		got := ""
		if rt := table.Match(method, path); rt != nil {
			got = rt.Pattern()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
}

func TestHostsThatMayConflict(t *testing.T) {
	try := func(name string, f func(*rest.Table)) {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("%s: %v", name, p)
			}
		}()
		f(newTable(t, options()))
	}
	none := http.NotFoundHandler()
	for _, p := range []string{"/", "GET /", "GET /{path...}", "/{path...}", "/support/", "GET /support/", "GET /{a}/{b}"} {
		try("nethttp "+p, func(d *rest.Table) { m := http.NewServeMux(); m.Handle(p, none); mountMux(m, "/support", d) })
	}
	try("nethttp root", func(d *rest.Table) { m := http.NewServeMux(); m.Handle("GET /", none); mountMux(m, "", d) })
	try("chi root", func(d *rest.Table) { m := chi.NewRouter(); m.Handle("/*", none); mountChi(m, d) })
	try("bun root", func(d *rest.Table) { mountBun(&bunrouter.New().Group, d) })
	try("bun own param", func(d *rest.Table) {
		m := bunrouter.New()
		m.GET("/:page", bunrouter.HTTPHandler(none))
		m.GET("/support/:page", bunrouter.HTTPHandler(none))
		mountBun(m.NewGroup("/support"), d)
	})
	try("a plugin with pages", func(d *rest.Table) {
		d.Owner("ui").Handle("GET /{path...}", rest.Public, rest.Func(upload))
		if d.Err() != nil {
			t.Error(d.Err())
		}
		m := http.NewServeMux()
		m.Handle("GET /", none)
		mountMux(m, "/support", d)
	})
	try("chi mount", func(d *rest.Table) {
		m, sub := chi.NewRouter(), chi.NewRouter()
		mountChi(sub, d)
		m.Mount("/a/{tenant}/support", sub)
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest("GET", "/a/x%2Fy/support/plugins/snooze/q/r", http.NoBody))
		if w.Body.String() != `GET "q/r"` {
			t.Error(w.Code, w.Body)
		}
	})
}
