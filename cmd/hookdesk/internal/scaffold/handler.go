package scaffold

import (
	"fmt"
	"go/token"
	"regexp"
	"slices"
	"strings"

	"github.com/hookdesk/hookdesk/cmd/hookdesk/internal/catalogue"
)

// handler is a stub as the templates write it.
type handler struct {
	Point, Kind string
	Field       string // "Ticket.Create.Before"
	Name        string // "ticket-create"
	Method      string // "beforeTicketCreate"
	Params      string
	Comment     string
}

func handlersOf(points []catalogue.Point) []handler {
	var out []handler
	for _, p := range points {
		words := strings.Split(p.Field, ".")
		if last := len(words) - 1; strings.EqualFold(words[last], p.Kind()) {
			words = words[:last] // an action's: the kind is said anyway
		}
		h := handler{
			Point: p.Point().Name, Kind: p.Kind(), Field: p.Field,
			Name:   strings.ToLower(strings.Join(words, "-")),
			Method: p.Kind() + strings.Join(words, ""),
			Params: p.Params(valueName(p)),
		}
		h.Comment = comment(h.Method + " " + fmt.Sprintf(meaning(p), h.Point, p.Point().Doc))
		out = append(out, h)
	}
	return out
}

var lastWord = regexp.MustCompile(`[A-Z][a-z0-9]*$`)

// valueName is what a handler calls its value: a core.TicketDraft is a draft.
func valueName(p catalogue.Point) string {
	if p.Kind() == "within" || p.Kind() == "after" {
		return "e" // an event, or what will be one
	}
	name := strings.ToLower(lastWord.FindString(p.PayloadType().Name()))
	if name == "" || token.IsKeyword(name) {
		return "v"
	}
	return name
}

const refusing = `Refuse by hooks.Veto("code", "A sentence for the person."); any other error is a malfunction.`

// meaning is the comment on a handler, without its name; it is given the point
// and the doc of that.
func meaning(p catalogue.Point) string {
	switch {
	case p.Kind() == "before" && len(p.Point().Writable) == 0:
		return `runs at %s: "%s" ` + refusing
	case p.Kind() == "before":
		return `runs at %s: "%s" It may change what it is given. ` + refusing
	case p.Kind() == "within":
		return `runs at %s, inside of the transaction: "%s" What it writes through tx stands or falls with the change, ` +
			`and an error takes all back. Nothing slow belongs here.`
	case p.Transient():
		return `runs at %s, in this process alone: "%s" It is told once, whatever it returns.`
	case p.Kind() == "after":
		return `is given each event %s after the commit: "%s" An event may come twice: what must happen once belongs into ` +
			`p.host.Once(ctx, e.ID, "name", …). An error means "again, later".`
	}
	return `runs at %s: "%s" Add to what it is given; after an error the others' changes stand, and this handler's do not.`
}

// width is that of a comment's text.
const width = 77

// comment breaks a text into lines of a Go comment.
func comment(text string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len([]rune(line+" "+word)) > width {
			lines = append(lines, "// "+line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return strings.Join(append(lines, "// "+line), "\n")
}

// imports are what plugin.go needs: of the standard library, and others.
func (p Plugin) imports() (standard, others []string) {
	others = []string{"github.com/hookdesk/hookdesk/core"}
	if !p.External {
		standard = append(standard, "embed")
	}
	for _, point := range p.Points {
		standard = append(standard, "context")
		others = append(others, point.PayloadType().PkgPath())
		switch point.Kind() {
		case "within":
			others = append(others, "gorm.io/gorm")
		case "after":
			others = append(others, "github.com/hookdesk/hookdesk/hooks")
		}
	}
	return unique(standard), unique(others)
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
