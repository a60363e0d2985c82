package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/hookdesk/hookdesk/cmd/hookdesk/internal/catalogue"
	"github.com/hookdesk/hookdesk/cmd/hookdesk/internal/scaffold"
	"github.com/hookdesk/hookdesk/core"
)

// pluginCommand is for authors of plugins.
type pluginCommand struct {
	New    pluginNew    `cmd:"" help:"Write a plugin that compiles and passes its tests, to go on from."`
	Verify pluginVerify `cmd:"" help:"Look whether a binary is a plugin, what it asks for, and how a desk is given it."`
}

type pluginNew struct {
	Name     string   `arg:"" help:"The plugin's id, such as blocklist: its tables, routes, settings and its Go package carry it."`
	Hooks    []string `placeholder:"POINT" help:"Write a handler for each of these points, such as ticket.create.before,reply.added; hookdesk hooks lists them."`
	External bool     `help:"Write a program of its own, which a desk starts, in place of a package that a host imports."`
	Dir      string   `placeholder:"DIR" help:"Where to write (default: a new folder of that name)."`
	Module   string   `placeholder:"MODULE" help:"The Go module to begin when DIR lies in none (default: example.com/NAME)."`
	Replace  string   `placeholder:"DIR" help:"The folder of Hookdesk's source, for a new module and a hookdesk that is no release (default: the one you are in)."`
}

// Help is what stands above the flags.
func (pluginNew) Help() string {
	return `It writes plugin.go with a manifest, Register and a handler for each point,
plugin_test.go with the suite of every plugin, README.md, and migrations, or for
--external cmd/NAME/main.go. No file that is there is changed.

    hookdesk plugin new blocklist --hooks ticket.create.before,reply.added`
}

// Run writes the files and says what to do next.
func (c pluginNew) Run(to output) error {
	if slices.ContainsFunc(firstParty(), func(p core.Plugin) bool { return p.Manifest().ID == c.Name }) {
		return fmt.Errorf("%s is a plugin of Hookdesk's own, and a desk has each name once", c.Name)
	}
	points, err := chosenPoints(c.Hooks)
	if err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	source, err := scaffold.SourceFrom(c.Replace, here)
	if err != nil {
		return err
	}
	plugin := scaffold.Plugin{
		ID: c.Name, Dir: cmp.Or(c.Dir, c.Name), External: c.External, Points: points, Module: c.Module, Source: source,
	}
	files, err := plugin.Write()
	for _, name := range files {
		to.printf("%s\n", name)
	}
	if err != nil {
		return err
	}
	to.printf("\nNext:\n    cd %s\n    go mod tidy\n    go test -short ./...   # on SQLite; without -short on PostgreSQL as well\n", plugin.Dir)
	if plugin.External {
		to.printf("    go build -o bin/ ./cmd/%s\n    hookdesk plugin verify bin/%[1]s   # what it asks for, and how a desk is given it\n", plugin.ID)
	}
	return nil
}

// chosenPoints are the points of those names, each once and in the catalogue's
// order. The error tells of all names that are wrong.
func chosenPoints(names []string) ([]catalogue.Point, error) {
	all, err := ownPoints()
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, name := range names {
		_, err := catalogue.Find(all, name)
		wrong = append(wrong, err)
	}
	chosen := slices.DeleteFunc(all, func(p catalogue.Point) bool { return !slices.Contains(names, p.Point().Name) })
	return chosen, errors.Join(wrong...)
}
