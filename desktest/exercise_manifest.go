package desktest

import (
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

func (s *suite) checkManifest(t testing.TB, db Database) {
	p := s.fresh()
	first := describe(t, p)
	if again := describe(t, p); again != first {
		t.Errorf("Manifest said\n%s\nand then\n%s", first, again)
	}
	if other := describe(t, s.fresh()); other != first {
		t.Errorf("of two plugins made alike, one says\n%s\nthe other\n%s", first, other)
	}
	d := New(t, db, s.plugins()...)
	s.play(t, d)
	if after := describe(t, d.Config.Plugins[0]); after != first {
		t.Errorf("Manifest said\n%s\nand, once the desk ran,\n%s", first, after)
	}
}

// describe is a manifest as a text, its files included.
func describe(t testing.TB, p core.Plugin) string {
	m := p.Manifest()
	files := map[string]string{}
	if m.Migrations != nil {
		err := fs.WalkDir(m.Migrations, ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := fs.ReadFile(m.Migrations, path)
			files[path] = string(text)
			return err
		})
		if err != nil {
			t.Errorf("the manifest's migrations cannot be read: %v", err)
		}
	}
	settings, err := json.Marshal(m.Settings) // not by %v, which would print addresses
	if err != nil {
		t.Errorf("the manifest's settings are no JSON: %v", err)
	}
	kind := fmt.Sprintf("%T", m.Settings)
	m.Migrations, m.Settings = nil, nil
	return fmt.Sprintf("%+v settings %s %s migrations %q", m, kind, settings, files)
}

// checkRegister compares a desk of the plugin that has not run with one of the
// plugin's tables alone.
func (s *suite) checkRegister(t testing.TB, db Database) {
	var goroutines [2]int // of the tables alone, and of the plugin
	for i, wrap := range []func(core.Plugin) core.Plugin{
		func(p core.Plugin) core.Plugin { return tablesOnly{p} },
		func(p core.Plugin) core.Plugin { return p },
	} {
		var plugins []core.Plugin
		for _, p := range s.plugins() {
			plugins = append(plugins, wrap(p))
		}
		d := prepare(t, db, nil, plugins...)
		places := d.Config.TablePrefix + "consumers" // which the desk itself makes
		before := slices.Concat(lines(t, d.DB), d.dumpBut(places))
		made, err := d.build()
		if err != nil {
			t.Fatal(err)
		}
		within(time.Second, func() bool { goroutines[i] = d.goroutines(); return goroutines[i] <= goroutines[0] })
		if diff := differ(before, slices.Concat(lines(t, d.DB), d.dumpBut(places))); diff != "" {
			t.Errorf("Register wrote to the database:\n%s", diff)
		}
		if i == 1 && goroutines[1] > goroutines[0] {
			t.Errorf("Register left goroutines behind:\n%s", d.stacks())
		}
		if err := made.Close(); err != nil {
			t.Error(err)
		}
	}
}

// build is core.New on a goroutine that carries the desk's label.
func (d *Desk) build() (made *core.Desk, err error) {
	pprof.Do(context.Background(), pprof.Labels("desktest", d.label), func(context.Context) { made, err = core.New(d.Config) })
	return made, err
}

var secretName = regexp.MustCompile(`(?i)password|passwd|secret|token|api_?key|private_?key|credential`)

func (s *suite) checkSettings(t testing.TB, db Database) {
	settings := s.fresh().Manifest().Settings
	if settings == nil {
		return
	}
	if reflect.TypeOf(settings).Kind() != reflect.Struct {
		t.Fatalf("the settings are a %T, not a struct", settings)
	}
	checkFields(t, reflect.TypeOf(settings), "")
	d := s.desk(t, db)
	d.AllowErrors()
	s.saveEach(t, d)
	s.play(t, d)
	s.wellBehaved(t, d)
}

// checkFields looks at the settings of a struct; path is where it is kept, "" for
// the settings themselves.
func checkFields(t testing.TB, kind reflect.Type, path string) {
	for _, f := range reflect.VisibleFields(kind) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous || name == "-" {
			continue
		}
		checkField(t, f, name, path)
		if inner := plain(f.Type); inner.Kind() == reflect.Struct && inner != kind && !readsItself(inner) {
			checkFields(t, inner, path+f.Name+".")
		}
	}
}

func checkField(t testing.TB, f reflect.StructField, name, path string) {
	if name == "" {
		t.Errorf("the setting %s%s has no json name", path, f.Name)
	}
	if f.Tag.Get("doc") == "" {
		t.Errorf("the setting %s%s has no doc: the admin's form would not explain it", path, f.Name)
	}
	secret := f.Tag.Get("secret") == "true"
	if f.Type.Kind() == reflect.String && secretName.MatchString(f.Name+" "+name) && !secret {
		t.Errorf(`the setting %s%s looks like a secret, but has no secret:"true": every admin could read it`, path, f.Name)
	}
	if secret && (path != "" || len(f.Index) > 1 || f.Type.Kind() != reflect.String) {
		t.Errorf("the setting %s%s is no string of the settings themselves: only those are encrypted", path, f.Name)
	}
}

func readsItself(kind reflect.Type) bool {
	kind = reflect.PointerTo(kind)
	return kind.Implements(reflect.TypeFor[json.Unmarshaler]()) || kind.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// plain is what lists, maps and pointers are made of.
func plain(kind reflect.Type) reflect.Type {
	for slices.Contains([]reflect.Kind{reflect.Slice, reflect.Array, reflect.Map, reflect.Pointer}, kind.Kind()) {
		kind = kind.Elem()
	}
	return kind
}

// saveEach saves the settings as they are, and then each with another value: the
// plugin may refuse that, but not break, neither at once nor in what follows.
func (s *suite) saveEach(t testing.TB, d *Desk) {
	var shown map[string]any
	for _, one := range s.settings(t, d) {
		if one.Owner == s.id() {
			if err := json.Unmarshal(one.Value, &shown); err != nil {
				t.Fatal(err)
			}
		}
	}
	put := "PUT /api/settings/" + s.id()
	if r := d.Do(Admin, put, map[string]any{"value": shown}); r.Status != 200 {
		t.Errorf("the settings' own defaults cannot be saved: %s", r)
	}
	for name, value := range shown {
		changed := maps.Clone(shown)
		changed[name] = another(value)
		switch r := d.Do(Admin, put, map[string]any{"value": changed}); r.Status {
		case 200:
			s.live(t, d, "An ordinary text.")
		case 422:
		default:
			t.Errorf("setting %s to %v: %s", name, changed[name], r)
		}
	}
	if r := d.Do(Admin, put, map[string]any{"value": shown}); r.Status != 200 {
		t.Errorf("the settings cannot be set back: %s", r)
	}
}

func (*suite) settings(t testing.TB, d *Desk) []core.SettingsOf {
	all, err := d.Settings.List(d.asDesk())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// another is a value of the same JSON type.
func another(v any) any {
	switch v := v.(type) {
	case bool:
		return !v
	case float64:
		return v + 1
	case string:
		return v + "x"
	}
	return v
}
