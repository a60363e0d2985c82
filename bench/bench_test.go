package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestMain is the main function of its helpers too, such as a crowd of browsers,
// which are this program again.
func TestMain(m *testing.M) {
	if was, err := playRole(); was {
		if err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

func TestTheMeasurementsRunOnBothDatabases(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-tickets", "2000", "-rounds", "3", "-only", " "}, &out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 1+2*(8+3)+9+3 {
		t.Errorf("the table has %d lines:\n%s", lines, &out)
	}
}

// What is compared must be the same work: the same rows found, the same rows
// written.
func TestBothSidesDoTheSame(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := open(t.Context(), name, 2000)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := d.close(); err != nil {
					t.Error(err)
				}
			})
			for _, p := range d.pairs[:2] {
				d.findTheSame(t, p)
			}
			for _, p := range d.pairs[2:4] {
				d.writeTheSame(t, p)
			}
		})
	}
}

func (d *desk) findTheSame(t *testing.T, p pair) {
	t.Helper()
	for round := range 20 {
		desk, err := p.desk(t.Context(), round)
		if err != nil {
			t.Fatal(err)
		}
		hand, err := p.hand(t.Context(), round)
		if err != nil {
			t.Fatal(err)
		}
		if len(desk) < 20 || !slices.Equal(desk, hand) {
			t.Fatalf("%s: the desk finds %v, by hand it is %v", p.name, desk, hand)
		}
	}
}

// writeTheSame compares the newest event, which holds the rows, and the newest
// reply of both sides, but for ids, numbers and times.
func (d *desk) writeTheSame(t *testing.T, p pair) {
	t.Helper()
	if _, err := p.desk(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	desk := d.newest(t)
	if _, err := p.hand(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if hand := d.newest(t); !reflect.DeepEqual(desk, hand) {
		t.Errorf("%s: the desk writes\n%v, by hand it is\n%v", p.name, desk, hand)
	}
}

func (d *desk) newest(t *testing.T) []any {
	t.Helper()
	return append(d.row(t, "hookdesk_events"), append(d.row(t, "hookdesk_replies"), d.row(t, "hookdesk_tickets")...)...)
}

func (d *desk) row(t *testing.T, name string) []any {
	t.Helper()
	rows, err := d.hand.writer.QueryContext(context.Background(), "SELECT * FROM "+name+" ORDER BY id DESC LIMIT 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		t.Fatalf("no row of %s: %v, %v", name, err, rows.Err())
	}
	cells := make([]any, len(columns))
	for i := range cells {
		cells[i] = new(sql.NullString)
	}
	if err := rows.Scan(cells...); err != nil {
		t.Fatal(err)
	}
	out := []any{}
	for i, column := range columns {
		if text := cells[i].(*sql.NullString); !counts(column) {
			out = append(out, column, readable(text.String))
		}
	}
	return out
}

// counts tells of columns and fields that differ from row to row.
func counts(name string) bool {
	return name == "id" || strings.HasSuffix(name, "_at") || slices.Contains([]string{"ticket_id", "number", "last_number", "reply_count", "reply_id"}, name)
}

// readable is JSON without the fields that count, or text.
func readable(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	return withoutCounts(v)
}

func withoutCounts(v any) any {
	if fields, ok := v.(map[string]any); ok {
		for name, field := range fields {
			if counts(name) && field != nil {
				fields[name] = "set"
			} else {
				fields[name] = withoutCounts(field)
			}
		}
	}
	return v
}
