package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/external"
)

// binaries are plugins that are programs of their own.
type binaries struct {
	Plugin []string `env:"HOOKDESK_PLUGINS" sep:";" placeholder:"FILE[=sha256:HEX]" help:"Run this binary as a plugin; again for each. In the variable, ; stands between them."`
	Grant  []string `env:"HOOKDESK_GRANTS" sep:";" placeholder:"ID=PERMISSION,…" help:"Allow the plugin of a binary what it asks for, such as classify=tickets:read,tickets:write."`
}

// binary is one as --plugin names it.
type binary struct {
	path      string
	sum       string // "": whatever it is
	plaintext bool
}

var sumForm = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// binaryOf reads FILE, FILE=sha256:HEX, FILE=plaintext, or both with a comma between.
func binaryOf(text string) (binary, error) {
	path, how, some := strings.Cut(text, "=")
	b := binary{path: path}
	if path == "" {
		return b, fmt.Errorf("--plugin %s: it must be a file, such as ./bin/classify", text)
	}
	if !some {
		return b, nil
	}
	for word := range strings.SplitSeq(how, ",") {
		sum, isSum := strings.CutPrefix(word, "sha256:")
		switch {
		case word == "plaintext":
			b.plaintext = true
		case isSum && sumForm.MatchString(sum):
			b.sum = sum
		default:
			return b, fmt.Errorf("--plugin %s: behind = stands sha256: with 64 hexadecimal digits, or plaintext, or both with a comma between, and not %q", text, word)
		}
	}
	return b, nil
}

func (b binary) options() (out []external.Option) {
	if b.sum != "" {
		out = append(out, external.SHA256(b.sum))
	}
	if b.plaintext {
		out = append(out, external.Plaintext())
	}
	return out
}

// plugins are those of the binaries. Each is run once, to ask what it is.
func (c binaries) plugins() ([]core.Plugin, error) {
	grants, err := c.grants()
	if err != nil {
		return nil, err
	}
	var list []core.Plugin
	for _, text := range c.Plugin {
		b, err := binaryOf(text)
		if err != nil {
			return nil, err
		}
		is, err := external.New(b.path, b.options()...).Describe()
		if errors.Is(err, external.ErrPlaintext) {
			return nil, fmt.Errorf("--plugin %s: %w: say so by =plaintext behind the file", text, err)
		}
		if err != nil {
			return nil, fmt.Errorf("--plugin %s: %w", text, err)
		}
		id, asks := is.Manifest.GetId(), is.Manifest.GetPermissions()
		if err := agreed(b, id, asks, grants[id]); err != nil {
			return nil, err
		}
		delete(grants, id)
		list = append(list, external.New(b.path, append(b.options(), external.Grant(asks...))...))
	}
	for _, id := range slices.Sorted(maps.Keys(grants)) {
		return nil, fmt.Errorf("--grant %s=%s: no --plugin is the plugin %[1]s", id, strings.Join(grants[id], ","))
	}
	return list, nil
}

// grants are the permissions by plugin.
func (c binaries) grants() (map[string][]string, error) {
	out := map[string][]string{}
	for _, text := range c.Grant {
		id, list, ok := strings.Cut(text, "=")
		if !ok || id == "" || list == "" {
			return nil, fmt.Errorf("--grant %s: it must be a plugin and permissions, such as classify=tickets:read,tickets:write", text)
		}
		out[id] = append(out[id], strings.Split(list, ",")...)
	}
	return out, nil
}

// agreed fails unless a binary was granted what it asks for, no less and no more.
func agreed(b binary, id string, asks, granted []string) error {
	missing := slices.DeleteFunc(slices.Clone(asks), func(p string) bool { return slices.Contains(granted, p) })
	if len(missing) > 0 {
		return fmt.Errorf("--plugin %s: the plugin %s asks for %s, which was not granted: if it may, say so by %s",
			b.path, id, strings.Join(missing, " and "), grantFlag(id, asks))
	}
	for _, p := range granted {
		if !slices.Contains(asks, p) {
			return fmt.Errorf("--grant %s=%s: the plugin does not ask for it; it asks for %s", id, p, listed(asks))
		}
	}
	return nil
}

func grantFlag(id string, permissions []string) string {
	return "--grant " + id + "=" + strings.Join(permissions, ",")
}

// listed is a list for people.
func listed(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}
