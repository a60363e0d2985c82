package kb

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// renderer makes HTML of Markdown. What the one lets through, the other takes
// away: neither is trusted alone.
type renderer struct {
	markdown goldmark.Markdown
	safe     *bluemonday.Policy
	strip    *bluemonday.Policy
}

// newRenderer allows no images: a remote one tells its host who reads, and the
// plugin has none of its own.
func newRenderer() *renderer {
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
	return &renderer{goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify)), safe, bluemonday.StrictPolicy()}
}

// of renders a text once, when it is saved: safe HTML, and the words in it.
func (r *renderer) of(markdown string) (safe, plain string, err error) {
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
	deepest      = 50   // marks of quotes and lists that begin a line
	mostBrackets = 1000 // in a paragraph
)

var deep = regexp.MustCompile(`(?m)^(?:[ \t]*(?:>|[-+*][ \t]|[0-9]{1,9}[.)][ \t])){51}`)

// tooDeep says what of a text nests more than anybody reads; "" is nothing.
func tooDeep(markdown string) string {
	if deep.MatchString(markdown) {
		return fmt.Sprintf("quotes and lists are at most %d deep", deepest)
	}
	brackets := 0
	for line := range strings.Lines(markdown) {
		if strings.TrimSpace(line) == "" {
			brackets = 0
		}
		if brackets += strings.Count(line, "["); brackets > mostBrackets {
			return fmt.Sprintf("a paragraph has at most %d opening brackets", mostBrackets)
		}
	}
	return ""
}
