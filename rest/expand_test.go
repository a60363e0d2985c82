package rest_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/rest"
)

// expanding is a table whose plugin lens has a parameter that stands for others.
func expanding(t *testing.T, broken error) *rest.Table {
	t.Helper()
	table := newTable(t, options())
	lens := table.Owner("lens")
	lens.Query("GET /api/tickets", "colour", "red", "")
	lens.Expand("GET /api/tickets", "lens", 1, "", func(ctx context.Context, value string) (url.Values, error) {
		who, _ := ctx.Value(personKey{}).(string)
		switch value {
		case "7":
			return url.Values{"colour": {who}, "limit": {"3"}}, nil
		case "8":
			return url.Values{"limit": {"many"}, "shape": {"round"}}, nil
		}
		return nil, broken
	})
	if err := table.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

func TestAParameterMayStandForOthers(t *testing.T) {
	table := expanding(t, rest.Errorf(rest.NotFound, "no lens"))
	h := muxHandler("", table)
	for line, want := range map[string]string{
		"agent GET /api/tickets?lens=7":             `200 {"tickets":[],"extra":"colour=agent\u0026lens=7"}`,
		"admin GET /api/tickets?lens=7&colour=blue": `200 {"tickets":[],"extra":"colour=blue\u0026lens=7"}`,
		"agent GET /api/tickets?lens=9":             `404 no lens`,
		"agent GET /api/tickets?lens=8":             `422 "field":"limit"`,
		"admin GET /api/tickets?lens=8&limit=1":     `422 {"field":"shape","message":"is not a parameter here"}`,
		"agent GET /api/tickets?lens=x":             `422 {"field":"lens","message":"must be of type integer, not string"}`,
		"agent GET /api/tickets?lens=7&lens=9":      `422 {"field":"lens","message":"must come once"}`,
		"x GET /api/tickets?lens=9":                 `401 sign in first`,
	} {
		code, text, _ := strings.Cut(want, " ")
		res, got := do(h, line)
		if !strings.HasPrefix(res.Status, code) || !strings.Contains(got, text) {
			t.Errorf("%s: %s %s\nwant %s", line, res.Status, got, want)
		}
	}
	table.Owner("lens").Switch(false)
	if res, text := do(h, "agent GET /api/tickets?lens=7"); res.StatusCode != 422 {
		t.Errorf("switched off: %d %s", res.StatusCode, text)
	}
}

func TestAFaultOfAnExpansionIsNotShown(t *testing.T) {
	res, text := do(muxHandler("", expanding(t, errors.New("dial tcp 10.0.0.7"))), "agent GET /api/tickets?lens=9")
	if res.StatusCode != 500 || strings.Contains(text, "dial") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	table := rest.New(options())
	if table.Owner("a").Expand("GET /api/a", "b", 1, "", nil); table.RowErr() == nil {
		t.Error("an expansion by nothing is not told")
	}
}

func TestAQueryIsDecodedAsTheRowDoes(t *testing.T) {
	table := expanding(t, nil)
	var in listInput
	values := url.Values{"cursor": {"c"}, "colour": {"red"}}
	if err := table.DecodeQuery("GET /api/tickets", values, &in); err != nil {
		t.Fatal(err)
	}
	if in.Limit != 25 || in.Cursor != "c" || in.Extra.Encode() != "colour=red" || len(values) != 2 {
		t.Errorf("%+v of %v", in, values)
	}
	err := table.DecodeQuery("GET /api/tickets", url.Values{"limit": {"0"}, "shape": {"round"}}, &in)
	if e, ok := errors.AsType[*rest.Error](err); !ok || e.Kind != rest.Invalid || len(e.Fields) != 2 {
		t.Errorf("%v", err)
	}
	if table.DecodeQuery("GET /api/nowhere", nil, &in) == nil || table.DecodeQuery("GET /api/tickets", nil, &struct{}{}) == nil {
		t.Error("what is no such row is decoded")
	}
	if !table.HasQuery("GET /api/tickets", "colour") || table.HasQuery("GET /api/tickets", "limit") || table.HasQuery("GET /api/a", "colour") {
		t.Error("it is not told which names were added")
	}
	table.Owner("lens").Switch(false)
	if table.HasQuery("GET /api/tickets", "colour") {
		t.Error("it has the name of an owner who is off")
	}
}
