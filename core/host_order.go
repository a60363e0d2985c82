package core

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// sortHosts orders plugins so that each stands behind those it requires, ties
// by id.
func (d *Desk) sortHosts() error {
	slices.SortFunc(d.hosts, func(a, b *host) int { return strings.Compare(a.id, b.id) })
	var sorted []*host
	var visit func(h *host, path []string) error
	visit = func(h *host, path []string) error {
		if i := slices.Index(path, h.id); i >= 0 {
			return fmt.Errorf("plugins require each other in a circle: %s", strings.Join(append(path[i:], h.id), " → "))
		}
		if slices.Contains(sorted, h) {
			return nil
		}
		for _, need := range h.manifest.Requires {
			other, err := d.needed(h, need)
			if err != nil {
				return err
			}
			if err := visit(other, append(path, h.id)); err != nil {
				return err
			}
		}
		sorted = append(sorted, h)
		return nil
	}
	var errs []error
	for _, h := range d.hosts {
		errs = append(errs, visit(h, nil))
	}
	d.hosts = sorted
	return errors.Join(errs...)
}

func (d *Desk) needed(h *host, need Need) (*host, error) {
	for _, other := range d.hosts {
		if other.id != need.Plugin {
			continue
		}
		if need.Version != "" && olderThan(other.manifest.Version, need.Version) {
			return nil, fmt.Errorf("plugin %s requires %s %s or later, the list has %s", h.id, need.Plugin, need.Version, other.manifest.Version)
		}
		return other, nil
	}
	return nil, fmt.Errorf("plugin %s requires plugin %s, which is not in the list", h.id, need.Plugin)
}

var versionForm = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

func olderThan(version, least string) bool {
	number := func(text string) (out [3]int) {
		for i, part := range strings.SplitN(text, ".", 3) {
			out[i], _ = strconv.Atoi(part) // the form was checked
		}
		return out
	}
	a, b := number(version), number(least)
	return slices.Compare(a[:], b[:]) < 0
}
