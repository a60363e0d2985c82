package kb

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// rendering makes HTML of Markdown. What the one lets through, the other takes
// away: neither is trusted alone.
type rendering struct {
	markdown goldmark.Markdown
	safe     *bluemonday.Policy
	strip    *bluemonday.Policy
}

// newRenderer allows no images: a remote one tells its host who reads, and the
// plugin has none of its own.
func newRenderer() *rendering {
	safe := bluemonday.NewPolicy()
	safe.AllowElements("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "del", "code", "pre",
		"blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td")
	safe.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[A-Za-z0-9+#-]{1,30}$`)).OnElements("code")
	safe.AllowAttrs("href").OnElements("a")
	safe.AllowURLSchemes("http", "https", "mailto")
	safe.AllowRelativeURLs(true)
	safe.RequireParseableURLs(true)
	safe.RequireNoFollowOnLinks(true)
	safe.AddTargetBlankToFullyQualifiedLinks(true) // and noopener with it
	markdown := goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(asText{}, 1))),
	)
	return &rendering{markdown, safe, bluemonday.StrictPolicy()}
}

// of renders a text once, when it is saved: safe HTML, and the words in it.
func (r *rendering) of(markdown string) (safe, plain string, err error) {
	var out bytes.Buffer
	if err := r.markdown.Convert([]byte(markdown), &out); err != nil {
		return "", "", fmt.Errorf("render an article: %w", err)
	}
	safe = r.safe.Sanitize(out.String())
	plain = strings.Join(strings.Fields(html.UnescapeString(r.strip.Sanitize(safe))), " ")
	return safe, plain, nil
}

// The work of the parser grows with the square of these.
const (
	deepest      = 50     // marks of quotes and lists that begin a line
	mostBrackets = 200    // opening ones in a paragraph
	mostMarks    = 4000   // of emphasis in a paragraph
	mostCells    = 20_000 // of a table: each row has as many as the widest
	mostLines    = 10_000
)

var deep = regexp.MustCompile(`(?m)^(?:[ \t]*(?:>|[-+*][ \t]|[0-9]{1,9}[.)][ \t])){51}`)

// tooDeep says what of a text nests more than anybody reads; "" is nothing.
func tooDeep(markdown string) string {
	if deep.MatchString(markdown) {
		return fmt.Sprintf("quotes and lists are at most %d deep", deepest)
	}
	var in paragraph
	lines := 0
	for line := range strings.Lines(markdown) {
		if lines++; strings.TrimSpace(line) == "" {
			in = paragraph{}
		}
		if wrong := in.add(line); wrong != "" {
			return wrong
		}
	}
	if lines > mostLines {
		return fmt.Sprintf("an article has at most %d lines", mostLines)
	}
	return ""
}

// paragraph is what stands between two empty lines, as far as it costs.
type paragraph struct{ lines, brackets, marks, widest int }

func (p *paragraph) add(line string) string {
	p.lines++
	p.brackets += strings.Count(line, "[")
	p.marks += strings.Count(line, "*") + strings.Count(line, "_") + strings.Count(line, "~")
	p.widest = max(p.widest, strings.Count(line, "|"))
	switch {
	case p.brackets > mostBrackets:
		return fmt.Sprintf("a paragraph has at most %d opening brackets", mostBrackets)
	case p.marks > mostMarks:
		return fmt.Sprintf("a paragraph has at most %d marks of emphasis", mostMarks)
	case p.widest*p.lines > mostCells:
		return fmt.Sprintf("a table has at most %d cells", mostCells)
	}
	return ""
}

// asText shows tags as the text that they are: whoever writes "press <Enter>"
// means it.
type asText struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (asText) RegisterFuncs(to renderer.NodeRendererFuncRegisterer) {
	to.Register(ast.KindRawHTML, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		raw, ok := n.(*ast.RawHTML)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		return ast.WalkSkipChildren, escape(w, source, raw.Segments)
	})
	to.Register(ast.KindHTMLBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		block, ok := n.(*ast.HTMLBlock)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		_, err := w.WriteString("<p>")
		err = errors.Join(err, escape(w, source, block.Lines()))
		if block.HasClosure() {
			_, closing := w.WriteString(html.EscapeString(string(block.ClosureLine.Value(source))))
			err = errors.Join(err, closing)
		}
		_, end := w.WriteString("</p>\n")
		return ast.WalkSkipChildren, errors.Join(err, end)
	})
}

func escape(w util.BufWriter, source []byte, segments *text.Segments) error {
	for i := range segments.Len() {
		at := segments.At(i)
		if _, err := w.WriteString(html.EscapeString(string(at.Value(source)))); err != nil {
			return err
		}
	}
	return nil
}
