// Package scaffold writes the first files of a plugin: they compile, pass the
// suite of every plugin, and are what its author goes on from.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/hookdesk/hookdesk/cmd/hookdesk/internal/catalogue"
)

//go:embed templates
var templates embed.FS

// Plugin is what is to be written.
type Plugin struct {
	ID       string
	Dir      string
	External bool // a program of its own
	Points   []catalogue.Point
	Module   string // for a go.mod; "" is example.com/ID
	Source   Source // for a go.mod
}

// Write writes the files and names them. It changes no file that is there: then,
// and when anything else is wrong, it writes none.
func (p Plugin) Write() ([]string, error) {
	if err := errors.Join(CheckID(p.ID), p.checkPoints()); err != nil {
		return nil, err
	}
	module, err := p.module()
	if err != nil {
		return nil, err
	}
	files, err := p.render(module)
	if err != nil {
		return nil, err
	}
	if module.file != "" {
		files = append(files, file{"go.mod", []byte(module.file)})
	}
	if err := p.checkFree(files); err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		name := filepath.Join(p.Dir, f.name)
		if err := create(name, f.text); err != nil {
			return names, err
		}
		names = append(names, name)
	}
	return names, nil
}

var idForm = regexp.MustCompile(`^[a-z][a-z0-9]{1,30}$`) // as core has it

// taken are the packages whose names the files use.
var taken = []string{"core", "desktest", "fmt", "init", "main", "sdk", "testing"}

// CheckID says what is wrong with the name of a plugin, which is also that of a
// Go package.
func CheckID(id string) error {
	switch {
	case !idForm.MatchString(id):
		return fmt.Errorf("%q is no name for a plugin: it must match %s", id, idForm)
	case token.IsKeyword(id) || types.Universe.Lookup(id) != nil || slices.Contains(taken, id):
		return fmt.Errorf("%s is no name for a plugin: its Go package could not be called so", id)
	}
	return nil
}

func (p Plugin) checkPoints() error {
	var wrong []error
	for _, point := range p.Points {
		switch name := point.Point().Name; {
		case point.Field == "":
			wrong = append(wrong, fmt.Errorf("%s is a point of another plugin's: the host's main attaches to it, see docs/writing-a-plugin.md", name))
		case p.External && point.Kind() == "within":
			wrong = append(wrong, fmt.Errorf("%s is inside of the desk's transaction, where no other program takes part: take the event or leave out --external", name))
		}
	}
	return errors.Join(wrong...)
}

// file is one that is to be written, by its name below Plugin.Dir.
type file struct {
	name string
	text []byte
}

// page is what the templates are given.
type page struct {
	ID, Title         string
	External          bool
	Import            string // of the plugin, as a line of Go
	Standard, Imports []string
	Handlers          []handler
}

// render makes the files, all but go.mod.
func (p Plugin) render(m module) ([]file, error) {
	about := page{
		ID: p.ID, Title: strings.ToUpper(p.ID[:1]) + p.ID[1:], External: p.External,
		Import: importLine(p.ID, m.importPath), Handlers: handlersOf(p.Points),
	}
	about.Standard, about.Imports = p.imports()
	names := map[string]string{"plugin.go": "plugin.go", "plugin_test.go": "plugin_test.go", "README.md": "README.md"}
	if p.External {
		names["cmd/"+p.ID+"/main.go"] = "main.go"
	} else {
		names["migrations/0001_records.sql"] = "migration.sql"
	}
	all, err := template.New("").Delims("[[", "]]").ParseFS(templates, "templates/*.tmpl")
	if err != nil {
		return nil, err
	}
	var files []file
	for name, from := range names {
		var text bytes.Buffer
		if err := all.ExecuteTemplate(&text, from+".tmpl", about); err != nil {
			return nil, err
		}
		f := file{name, text.Bytes()}
		if path.Ext(name) == ".go" {
			if f.text, err = format.Source(f.text); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

// importLine names the package when its folder does not.
func importLine(id, importPath string) string {
	if path.Base(importPath) == id {
		return fmt.Sprintf("%q", importPath)
	}
	return fmt.Sprintf("%s %q", id, importPath)
}

// checkFree fails when something is where the files shall be.
func (p Plugin) checkFree(files []file) error {
	for _, f := range files {
		name := filepath.Join(p.Dir, f.name)
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already: choose another folder by --dir", name)
		}
	}
	others, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
	if err == nil && len(others) > 0 {
		err = fmt.Errorf("%s has Go files in it already: choose another folder by --dir", p.Dir)
	}
	return err
}

// create writes a new file; it fails when one appeared meanwhile.
func create(name string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // source code, for all who may look
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // the same, in the folder that the author named
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(text)
	return err
}
