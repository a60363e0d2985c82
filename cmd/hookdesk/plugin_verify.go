package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/external"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

type pluginVerify struct {
	File   string   `arg:"" help:"The binary, such as ./bin/classify."`
	Checks []string `sep:"," placeholder:"NAME" help:"Of the conformance suite, make these checks alone; none leaves it out."`
}

// Help is what stands above the flags.
func (pluginVerify) Help() string {
	return `The binary is run for a moment, asked what it is, and given to a desk in memory
that has all plugins of this program. You are told what it asks for, and how a
host or hookdesk serve is given this very binary. Then it goes through the
conformance suite: it is killed, stopped, given odd payloads and called by
outsiders, for half a minute or so. What is wrong with it is said, and then the
program ends with 1.`
}

// Run prints what the binary is, and how a desk is given it.
func (c pluginVerify) Run(to output) error {
	b, is, err := c.describe()
	if err != nil {
		return err
	}
	b.sum = is.SHA256
	printManifest(to.out, is)
	if err := taken(b, is.Manifest); err != nil {
		return fmt.Errorf("%s: no desk takes it: %w", c.File, err)
	}
	asks := is.Manifest.GetPermissions()
	to.printf("\nIn a host's list of plugins:\n    %s\nor with the stand-alone server:\n    hookdesk serve --trust-headers --plugin %s", b.inGo(asks), b.flag())
	if len(asks) > 0 {
		to.printf(" %s", grantFlag(is.Manifest.GetId(), asks))
	}
	to.printf("\n")
	return c.conform(to, b, is.Manifest)
}

// conform takes the binary through the suite.
func (c pluginVerify) conform(to output, b binary, is *protocol.Manifest) error {
	if slices.Equal(c.Checks, []string{"none"}) {
		return nil
	}
	path, err := filepath.Abs(b.path)
	if err != nil {
		return err
	}
	failed := 0
	tell := func(v desktest.Verdict) {
		if len(v.Failures) == 0 {
			to.printf("ok      %-12s %5.1f s  %s\n", v.Check, v.Took.Seconds(), v.Why)
			return
		}
		failed++
		to.printf("FAILED  %-12s %5.1f s  %s:\n%s\n", v.Check, v.Took.Seconds(), v.Why, strings.Join(v.Failures, "\n"))
	}
	to.printf("\nThe conformance suite:\n")
	if all := desktest.VerifyBinary(path, tell, append(beside(is), desktest.How(b.options()...), desktest.Only(c.Checks...))...); len(all) == 0 {
		return fmt.Errorf("the suite has no check of the name %s", strings.Join(c.Checks, ", "))
	}
	if failed > 0 {
		return fmt.Errorf("%s: it failed %d checks", c.File, failed)
	}
	return nil
}

// beside are the plugins of this program that the binary requires or takes part in.
func beside(is *protocol.Manifest) (out []desktest.Option) {
	wanted := map[string]bool{}
	for _, need := range is.GetRequires() {
		wanted[need.GetPlugin()] = true
	}
	for _, h := range is.GetHandlers() {
		owner, _, _ := strings.Cut(h.GetPoint(), ".")
		wanted[owner] = true
	}
	for i, p := range firstParty() {
		if wanted[p.Manifest().ID] {
			out = append(out, desktest.Beside(func() core.Plugin { return firstParty()[i] }))
		}
	}
	return out
}

// describe asks the binary what it is, without certificates if it has none.
func (c pluginVerify) describe() (b binary, is external.Description, err error) {
	b = binary{path: c.File}
	is, err = external.New(b.path).Describe()
	if errors.Is(err, external.ErrPlaintext) {
		b.plaintext = true
		is, err = external.New(b.path, b.options()...).Describe()
	}
	return b, is, err
}

// taken gives the binary to a desk that has whatever it asks for.
func taken(b binary, is *protocol.Manifest) (err error) {
	db, end, err := tables{Database: "sqlite::memory:"}.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	plugin := external.New(b.path, append(b.options(), external.Grant(is.GetPermissions()...))...)
	desk, err := core.New(core.Config{
		DB: db, Plugins: append(firstParty(), plugin), Secret: make([]byte, 32), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	known := map[string]bool{}
	for _, p := range desk.Points() {
		known[p.Point().Name] = true
	}
	for _, h := range is.GetHandlers() {
		if !known[h.GetPoint()] {
			err = errors.Join(err, fmt.Errorf("its handler %s is at %s, and neither core nor a plugin of this program has such a hook point", h.GetName(), h.GetPoint()))
		}
	}
	return err
}

func printManifest(to io.Writer, is external.Description) {
	m := is.Manifest
	fmt.Fprintf(to, "%s %s: %s\n\n", m.GetId(), m.GetVersion(), m.GetDoc())
	w := columns(to)
	row := func(name string, lines []string) {
		for _, line := range lines {
			fmt.Fprintf(w, "%s\t%s\n", name, line)
			name = ""
		}
	}
	row("protocol", []string{fmt.Sprint(m.GetProtocol())})
	row("SHA-256", []string{is.SHA256})
	row("asks for", []string{listed(m.GetPermissions())})
	row("requires", each(m.GetRequires(), func(n *protocol.Need) string { return n.GetPlugin() + " " + n.GetVersion() }))
	row("handlers", each(m.GetHandlers(), func(h *protocol.Handler) string { return h.GetPoint() + ": " + h.GetName() }))
	row("routes", each(m.GetRoutes(), func(r *protocol.Route) string { return r.GetPattern() + " (" + r.GetPolicy() + ")" }))
	row("jobs", each(m.GetJobs(), jobLine))
	row("panels", each(m.GetUi(), func(c *protocol.Contribution) string { return c.GetSlot() + ": " + c.GetTitle() }))
	row("settings", settingNames(m.GetSettingsSchema()))
	_ = w.Flush() // as every other line of output
}

func each[T any](list []T, line func(T) string) (out []string) {
	for _, v := range list {
		out = append(out, line(v))
	}
	return out
}

func jobLine(j *protocol.Job) string {
	if j.GetCron() != "" {
		return j.GetName() + ": " + j.GetCron()
	}
	return fmt.Sprintf("%s: every %s", j.GetName(), time.Duration(j.GetEveryMs())*time.Millisecond)
}

func settingNames(schema string) []string {
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal([]byte(schema), &s) != nil || len(s.Properties) == 0 {
		return nil // what is no schema was refused before
	}
	return []string{strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ")}
}

// inGo is the binary in a host's list of plugins.
func (b binary) inGo(asks []string) string {
	args := []string{fmt.Sprintf("%q", b.path), fmt.Sprintf("external.SHA256(%q)", b.sum)}
	if b.plaintext {
		args = append(args, "external.Plaintext()")
	}
	if len(asks) > 0 {
		args = append(args, fmt.Sprintf("external.Grant(%s)", strings.Join(each(asks, func(p string) string { return fmt.Sprintf("%q", p) }), ", ")))
	}
	return "external.New(" + strings.Join(args, ", ") + ")"
}

// flag is the binary for --plugin.
func (b binary) flag() string {
	how := "sha256:" + b.sum
	if b.plaintext {
		how = "plaintext," + how
	}
	return b.path + "=" + how
}
