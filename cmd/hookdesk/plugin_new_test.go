package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tool runs the go command in a folder, with nothing but what is on this machine.
func tool(t *testing.T, dir string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, "go", args...)
	run.Dir = dir
	run.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off")
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("go %v: %v\n%s", args, err, out)
	}
}

// written runs plugin new, which has to go well.
func written(t *testing.T, args ...string) string {
	t.Helper()
	out, err := call(t, append([]string{"plugin", "new"}, args...)...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// everyPoint names the points that a plugin can hook, but those of a kind.
func everyPoint(t *testing.T, but string) string {
	t.Helper()
	points, err := ownPoints()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range points {
		if p.Field != "" && p.Kind() != but {
			names = append(names, p.Point().Name)
		}
	}
	return strings.Join(names, ",")
}

// scaffolds are plugins in one module, for one run of the compiler. The first
// begins the module.
func scaffolds(t *testing.T) map[string][]string {
	t.Helper()
	return map[string][]string{
		"root":    {"--module", "example.com/acme/root"},
		"nothing": {},
		"before":  {"--hooks", "ticket.create.before,auth.can"},
		"within":  {"--hooks", "reply.add.within"},
		"after":   {"--hooks", "reply.added"},
		"brief":   {"--hooks", "desk.started"},
		"filter":  {"--hooks", "ticket.list,ticket.show"},
		"several": {"--hooks", "reply.added,ticket.create.before,reply.added"},
		"every":   {"--hooks", everyPoint(t, "")},
		"apart":   {"--external", "--hooks", everyPoint(t, "within")},
		"alone":   {"--external"},
	}
}

func TestANewPluginCompilesAndPassesItsSuite(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	rows := scaffolds(t)
	written(t, append([]string{"root", "--dir", root}, rows["root"]...)...)
	delete(rows, "root")
	for name, args := range rows {
		dir := filepath.Join(root, name+"-plugin") // a folder need not be called as the package in it
		written(t, append([]string{name, "--dir", dir}, args...)...)
	}
	formatted, err := exec.CommandContext(t.Context(), "gofmt", "-s", "-l", root).CombinedOutput()
	if err != nil || len(formatted) > 0 {
		t.Errorf("gofmt: %v\n%s", err, formatted)
	}
	// What imports a plugin makes the compiler build that, 10 s each; what nobody
	// imports has its types checked alone. Tests and mains are all of one template.
	lighten(t, root, "*/plugin_test.go", "several-plugin")
	lighten(t, root, "plugin_test.go", "")
	lighten(t, root, "*/cmd/*/main.go", "apart-plugin")
	tool(t, root, "vet", "./...")
	tool(t, root, "test", "-short", "./several-plugin")
}

// lighten removes the files that match, but those of one folder.
func lighten(t *testing.T, root, pattern, but string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	for _, name := range files {
		if but != "" && strings.HasPrefix(name, filepath.Join(root, but)+string(filepath.Separator)) {
			continue
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestANewPluginIsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "translate")
	out := written(t, "translate", "--dir", dir, "--hooks", "ticket.create.before", "--external", "--module", "example.com/acme/translate")
	if !strings.Contains(out, "cd "+dir+"\n") || strings.Contains(out, "migrations") {
		t.Error(out)
	}
	for name, want := range map[string]string{
		"plugin.go":             "func (p *Plugin) beforeTicketCreate(ctx context.Context, draft *core.TicketDraft) error {",
		"plugin_test.go":        "desktest.Exercise(t, func() core.Plugin { return translate.New() }",
		"README.md":             "`external.New(\"./bin/translate\")`",
		"cmd/translate/main.go": "func main() { sdk.Serve(translate.New()) }",
		"go.mod":                "module example.com/acme/translate\n",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

func TestANewPluginOverwritesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	readme := filepath.Join(dir, "README.md")
	if err := os.WriteFile(readme, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := call(t, "plugin", "new", "blocklist", "--dir", dir)
	if err == nil || !strings.Contains(err.Error(), "README.md is there already") {
		t.Error(err)
	}
	if text, err := os.ReadFile(readme); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestWhatCannotBeANewPluginIsSaid(t *testing.T) {
	t.Parallel()
	inside := t.TempDir()
	if err := os.WriteFile(filepath.Join(inside, "go.mod"), []byte("module \"example.com/shop\" // ours\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		args []string
		want string
	}{
		"an id with a dash":       {[]string{"my-plugin"}, "must match"},
		"a word of Go's":          {[]string{"func"}, "could not be called so"},
		"a name of Go's":          {[]string{"string"}, "could not be called so"},
		"core":                    {[]string{"core"}, "could not be called so"},
		"one of ours":             {[]string{"snooze"}, "Hookdesk's own"},
		"two wrong points":        {[]string{"acme", "--hooks", "reply.addd,nonsense"}, "did you mean reply.added?\nthere is no hook point nonsense"},
		"a point of a plugin":     {[]string{"acme", "--hooks", "sla.breached"}, "a point of another plugin's"},
		"within, from outside":    {[]string{"acme", "--hooks", "reply.add.within", "--external"}, "no other program takes part"},
		"a source that is none":   {[]string{"acme", "--replace", inside}, "there is no module github.com/hookdesk/hookdesk"},
		"a module in a module":    {[]string{"acme", "--module", "example.com/acme", "--dir", inside}, "lies in the module example.com/shop already"},
		"a folder with a space":   {[]string{"acme", "--dir", filepath.Join(inside, "a b")}, "no import path"},
		"a module with a space":   {[]string{"acme", "--module", "a b"}, "must be a path"},
		"no name":                 {nil, "expected \"<name>\""},
		"a flag that there isn't": {[]string{"acme", "--hook", "reply.added"}, "unknown flag"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "new")
			args := append([]string{"plugin", "new", "--dir", dir}, row.args...)
			if out, err := call(t, args...); err == nil || !strings.Contains(err.Error(), row.want) || out != "" {
				t.Errorf("%v\n%s", err, out)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("a folder was made")
			}
		})
	}
}
