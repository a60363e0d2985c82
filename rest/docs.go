package rest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// All text of the page is in docs.html, its looks in docs.css.
var (
	//go:embed docs.html
	docsPage string
	//go:embed docs.css
	docsStyle string
)

// serveDocs is the document as a page, without script.
func (t *Table) serveDocs(w http.ResponseWriter, r *http.Request) error {
	e, err := t.edition()
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(docsStyle))
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	send(w, r, http.StatusOK, "text/html; charset=utf-8", e.html)
	return nil
}

// The page as its template sees it.
type (
	docsView struct {
		Info   docInfo
		Style  template.CSS
		Owners []docsOwner
		Types  []docsTable
	}
	docsOwner struct {
		Name string
		Rows []docsRow
	}
	docsRow struct {
		Method, Path string
		*docAction
		Fields  []docsField // of parameters and body
		Answers []docsAnswer
	}
	docsAnswer struct {
		Status, Media string
		Type          docsType
	}
	docsTable struct {
		Name   string
		Type   docsType
		Fields []docsField
	}
	docsField struct {
		Name, In string
		Type     docsType
		Must     bool
		Doc      string
	}
	docsType struct {
		Text, Ref, After string // "list of ", "Ticket", " or null"
	}
)

func (d *document) page() ([]byte, error) {
	page, err := template.New("docs").Parse(docsPage)
	if err != nil {
		return nil, fmt.Errorf("read the docs page: %w", err)
	}
	style := template.CSS(docsStyle) //nolint:gosec // our own file
	view := docsView{Info: d.Info, Style: style, Owners: d.byOwner()}
	for _, name := range sorted(d.Parts.Schemas) {
		s := d.Parts.Schemas[name]
		view.Types = append(view.Types, docsTable{Name: name, Type: typeText(s), Fields: fields(s, "")})
	}
	var out bytes.Buffer
	if err := page.Execute(&out, view); err != nil {
		return nil, fmt.Errorf("write the docs page: %w", err)
	}
	return out.Bytes(), nil
}

// byOwner groups the rows: core first, then plugins by name.
func (d *document) byOwner() []docsOwner {
	groups := map[string][]docsRow{}
	for _, path := range sorted(d.Paths) {
		for _, method := range sorted(d.Paths[path]) {
			a := d.Paths[path][method]
			groups[a.Tags[0]] = append(groups[a.Tags[0]], newDocsRow(strings.ToUpper(method), path, a))
		}
	}
	names := sorted(groups)
	if i := slices.Index(names, core); i >= 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, core)
	}
	owners := []docsOwner{}
	for _, name := range names {
		owners = append(owners, docsOwner{name, groups[name]})
	}
	return owners
}

func newDocsRow(method, path string, a *docAction) docsRow {
	row := docsRow{Method: method, Path: path, docAction: a}
	for _, p := range a.Params {
		row.Fields = append(row.Fields, docsField{p.Name, p.In, typeText(p.Schema), p.Required, p.Description})
	}
	if a.Body != nil {
		for _, media := range sorted(a.Body.Content) {
			if s := a.Body.Content[media].Schema; s != nil {
				row.Fields = append(row.Fields, fields(s.base(), "body")...)
				continue
			}
			row.Fields = append(row.Fields, docsField{"", "body", docsType{Text: media}, a.Body.Required, ""})
		}
	}
	for _, status := range sorted(a.Responses) {
		if status == "default" {
			continue
		}
		answer := docsAnswer{Status: status}
		for _, media := range sorted(a.Responses[status].Content) {
			answer.Media = media
			answer.Type = typeText(a.Responses[status].Content[media].Schema)
		}
		row.Answers = append(row.Answers, answer)
	}
	return row
}

func fields(s *Schema, in string) []docsField {
	list := []docsField{}
	for _, name := range sorted(s.Properties) {
		p := s.Properties[name]
		list = append(list, docsField{name, in, typeText(p), slices.Contains(s.Required, name), p.Description})
	}
	return list
}

// typeText says a schema in words.
func typeText(s *Schema) docsType {
	switch {
	case s == nil:
		return docsType{}
	case s.Ref != "":
		return docsType{Ref: s.Ref[len(components):]}
	case s.null:
		t := typeText(s.to)
		t.After += " or null"
		return t
	case s.Type == "array":
		t := typeText(s.Items)
		t.Text, t.After = "list of "+t.Text, t.After+bounds("entries", s.MinItems, s.MaxItems)
		return t
	case s.Values != nil:
		t := typeText(s.Values)
		t.Text = "map to " + t.Text
		return t
	case s.Enum != nil:
		return docsType{Text: "one of " + strings.Join(s.Enum, ", ")}
	case s.AnyOf != nil:
		words := []string{}
		for _, one := range s.AnyOf {
			words = append(words, typeText(one).Text)
		}
		return docsType{Text: strings.Join(words, " or ")}
	case s.Type == "":
		return docsType{Text: "any JSON"}
	}
	t := docsType{Text: strings.TrimSpace(s.Type + " " + s.Format)}
	t.After = bounds("", s.Minimum, s.Maximum) + bounds("characters", s.MinLength, s.MaxLength)
	if s.Default != nil {
		t.After += fmt.Sprintf(", default %v", s.Default)
	}
	return t
}

func bounds(unit string, lo, hi *float64) string {
	text := ""
	if lo != nil {
		text += ", at least " + amount(*lo, unit)
	}
	if hi != nil {
		text += ", at most " + amount(*hi, unit)
	}
	return text
}
