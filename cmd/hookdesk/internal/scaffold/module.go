package scaffold

import (
	"cmp"
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// Hookdesk is the module that plugins are written against.
const Hookdesk = "github.com/hookdesk/hookdesk"

// Source is where a new module gets Hookdesk from: a release or, in place of one,
// a folder.
type Source struct{ Version, Dir string }

// SourceFrom finds out: dir if it is not "", the checkout that here lies in, or
// the release that this program is of. There may be none, which is the zero value.
func SourceFrom(dir, here string) (Source, error) {
	if dir == "" {
		root, name, err := enclosing(here)
		if err != nil {
			return Source{}, err
		}
		if name != Hookdesk {
			return Source{Version: released()}, nil
		}
		dir = root
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return Source{}, err
	}
	if name, err := moduleOf(filepath.Join(root, "go.mod")); err != nil || name != Hookdesk {
		return Source{}, errors.Join(fmt.Errorf("--replace %s: there is no module %s", dir, Hookdesk), err)
	}
	return Source{Dir: root}, nil
}

// released is the version of Hookdesk in this program; "" when it was built of
// sources that nobody can download.
func released() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != Hookdesk || info.Main.Version == "(devel)" || strings.HasSuffix(info.Main.Version, "+dirty") {
		return ""
	}
	return info.Main.Version
}

// module is what the plugin's folder belongs to.
type module struct {
	importPath string // of the plugin
	file       string // the go.mod to write; "" when there is one
}

var pathForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9._~-]+)*$`)

// module is the one around the folder, or else a new one.
func (p Plugin) module() (module, error) {
	dir, err := filepath.Abs(p.Dir)
	if err != nil {
		return module{}, err
	}
	root, name, err := enclosing(dir)
	switch {
	case err != nil:
		return module{}, err
	case name == "":
		return p.newModule()
	case p.Module != "":
		return module{}, fmt.Errorf("--module %s: %s lies in the module %s already", p.Module, p.Dir, name)
	}
	below, err := filepath.Rel(root, dir)
	if err != nil {
		return module{}, err
	}
	m := module{importPath: path.Join(name, filepath.ToSlash(below))}
	if !pathForm.MatchString(m.importPath) {
		return m, fmt.Errorf("--dir %s: %q is no import path of Go's", p.Dir, m.importPath)
	}
	return m, nil
}

func (p Plugin) newModule() (module, error) {
	m := module{importPath: cmp.Or(p.Module, "example.com/"+p.ID)}
	if !pathForm.MatchString(m.importPath) {
		return m, fmt.Errorf("--module %s: it must be a path such as example.com/%s", p.Module, p.ID)
	}
	if p.Source == (Source{}) {
		return m, fmt.Errorf("%s lies in no Go module, and a new one cannot require this hookdesk, which is no release: "+
			"name the folder of its source by --replace", p.Dir)
	}
	language := strings.TrimPrefix(version.Lang(runtime.Version()), "go")
	m.file = fmt.Sprintf("module %s\n\ngo %s.0\n\nrequire %s %s\n", m.importPath, language, Hookdesk, cmp.Or(p.Source.Version, "v0.0.0"))
	if p.Source.Dir != "" {
		m.file += fmt.Sprintf("\nreplace %s => %s\n", Hookdesk, quoted(p.Source.Dir))
	}
	return m, nil
}

// quoted is a folder as go.mod wants it.
func quoted(dir string) string {
	if strings.ContainsAny(dir, " \t\"'`(),[]{}") {
		return strconv.Quote(dir)
	}
	return dir
}

// enclosing finds the module that a folder lies in, whether the folder is there
// yet or not; both results are "" when it lies in none.
func enclosing(dir string) (root, name string, err error) {
	for {
		name, err := moduleOf(filepath.Join(dir, "go.mod"))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return dir, name, err
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", "", nil
		}
		dir = up
	}
}

// moduleOf reads the module's name out of a go.mod.
func moduleOf(file string) (string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // a go.mod above a folder that the author named
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "//")
		if words := strings.Fields(line); len(words) == 2 && words[0] == "module" {
			return strings.Trim(words[1], "\"`"), nil
		}
	}
	return "", fmt.Errorf("%s names no module", file)
}
