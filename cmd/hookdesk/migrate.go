package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/hookdesk/hookdesk/schema"
)

type migrateCommand struct {
	tables
	Up     migrateUp     `cmd:"" default:"withargs" help:"Run what is pending (this is what migrate alone does)."`
	Down   migrateDown   `cmd:"" help:"Drop the tables of a plugin that goes for good, and all that is in them."`
	Status migrateStatus `cmd:"" help:"Show how far the tables are."`
}

// Help is what stands above the flags.
func (migrateCommand) Help() string {
	return `A server does at its start what migrate up does; by hand it can be done
before, as another user of the database, say. Both may happen at once.`
}

const coreOwner = "core"

// migrator is the core and all plugins but some.
func (t tables) migrator(without []string, to output) (m *schema.Migrator, end func() error, err error) {
	plugins, err := pluginsBut(without)
	if err != nil {
		return nil, nil, err
	}
	owners := []schema.Owner{{ID: coreOwner, Migrations: schema.Core()}}
	for _, p := range plugins {
		if own := p.Manifest(); own.Migrations != nil {
			owners = append(owners, schema.Owner{ID: own.ID, Migrations: own.Migrations})
		}
	}
	db, end, err := t.open()
	if err != nil {
		return nil, nil, err
	}
	m, err = schema.New(db, t.TablePrefix, owners...)
	if err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return m.WithLogger(to.logger(slog.LevelWarn)), end, nil
}

type migrateUp struct {
	Without []string `placeholder:"PLUGIN" help:"Leave a plugin's tables as they are."`
}

// Run prints what the database did not have before, file by file.
func (c migrateUp) Run(ctx context.Context, to output, all *migrateCommand) (err error) {
	m, end, err := all.migrator(c.Without, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	before, err := m.Status(ctx)
	if err != nil {
		return err
	}
	failed := m.Up(ctx)
	after, err := m.Status(ctx)
	for i, s := range after {
		ran := slices.DeleteFunc(before[i].Pending, func(file string) bool { return slices.Contains(s.Pending, file) })
		for _, file := range ran {
			to.printf("%-16s ran %s\n", s.Owner, file)
		}
	}
	printStatus(to, after)
	return errors.Join(failed, err)
}

// printStatus prints a line for the core and each plugin.
func printStatus(to output, list []schema.Status) {
	for _, s := range list {
		to.printf("%-16s version %d, %s\n", s.Owner, s.Version, stateWords(s))
	}
}

type migrateDown struct {
	Plugin string `arg:"" help:"The plugin."`
}

// Help is what stands above the flags.
func (migrateDown) Help() string {
	return `Stop the servers that have the plugin first, and leave it out from then on, by
--without: a server that has it makes its tables anew.`
}

// Run drops the plugin's tables.
func (c migrateDown) Run(ctx context.Context, to output, all *migrateCommand) (err error) {
	if c.Plugin == coreOwner {
		return errors.New("core is the desk itself: to be rid of that, drop the database")
	}
	m, end, err := all.migrator(nil, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	before, err := m.Status(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(before, func(s schema.Status) bool { return s.Owner == c.Plugin })
	switch {
	case i < 0:
		return fmt.Errorf("there is no plugin %s with tables; this program has %s", c.Plugin, idsOf(firstParty()))
	case before[i].Version == 0:
		to.printf("%-16s has no tables here, nothing was to do\n", c.Plugin)
		return nil
	}
	if err := m.Down(ctx, c.Plugin); err != nil {
		return err
	}
	to.printf("%-16s its tables were at version %d and are gone\n", c.Plugin, before[i].Version)
	return nil
}

type migrateStatus struct{}

// Run prints how far the tables are.
func (migrateStatus) Run(ctx context.Context, to output, all *migrateCommand) (err error) {
	m, end, err := all.migrator(nil, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	list, err := m.Status(ctx)
	printStatus(to, list)
	return err
}

func stateWords(s schema.Status) string {
	switch {
	case len(s.Pending) > 0:
		return "pending " + strings.Join(s.Pending, ", ")
	case s.Version > s.Known:
		return fmt.Sprintf("of a newer program: this one knows %d", s.Known)
	default:
		return "up to date"
	}
}
