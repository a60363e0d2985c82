package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// TestMain is the main function of the desks' processes too, which are this
// program again.
func TestMain(m *testing.M) {
	if text := os.Getenv(processEnv); text != "" {
		exit(serve(text))
	}
	os.Exit(m.Run())
}

// What make crash does at length.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	for database, cycles := range map[string]int{"sqlite": 30, "postgres": 20} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := run(t.Context(), []string{"-db", database, "-cycles", strconv.Itoa(cycles), "-keep", t.TempDir()}, &out)
			t.Log("\n" + out.String())
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// A harness that finds nothing shows something only if it would.
func TestPlantedBugsAreFound(t *testing.T) {
	t.Parallel()
	shows := map[string][]string{eventOutside: {half}, ackEarly: {lost}, noFence: {doubled}, rawCursor: {undelivered, missed}}
	for plant, databases := range plants() {
		for _, database := range databases {
			t.Run(plant+"/"+database, func(t *testing.T) {
				t.Parallel()
				t.Log(find(t, database, plant, shows[plant]))
			})
		}
	}
}

// find runs rounds until each kind of fault was found, and says how.
func find(t *testing.T, database, plant string, wanted []string) tally {
	t.Helper()
	var server *pgtest.Server
	if database == "postgres" {
		var err error
		if server, err = pgtest.NewServer(); err != nil {
			t.Fatal(err)
		}
	}
	var total tally
	for n := range uint64(10) {
		r := &round{cycles: 15, plant: plant, seed: n, dir: t.TempDir(), server: server}
		one, err := r.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		total = total.plus(one)
		if !slices.ContainsFunc(wanted, func(kind string) bool { return len(total.Faults[kind]) == 0 }) {
			return total
		}
	}
	t.Errorf("the bug was not found: %+v", total)
	return total
}
