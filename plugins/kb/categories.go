package kb

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
)

// Category is a shelf of articles.
type Category struct {
	ID       int64  `json:"id"`
	ParentID *int64 `json:"parent_id" doc:"the category it is in; null at the top"`
	Name     string `json:"name"`
	Slug     string `json:"slug"`
	Position int    `json:"position" doc:"the order among those beside it, lowest first"`
}

const (
	maxCategories = 1000
	maxDepth      = 20
	maxName       = 100
)

// CategoryPatch is a change of a category; what is missing stays.
type CategoryPatch struct {
	Name     *string           `json:"name,omitempty" min:"1" max:"100"`
	ParentID core.Maybe[int64] `json:"parent_id,omitzero"`
	Position *int              `json:"position,omitempty" min:"0" max:"1000000"`
}

// categories lists all: a tree is read in one go, so there is a limit to them.
func (a *Articles) categories(ctx context.Context) ([]Category, error) {
	all := []Category{}
	err := a.host.DB(ctx).Order("position, id").Limit(maxCategories).Find(&all).Error
	return all, err
}

func (a *Articles) createCategory(ctx context.Context, p CategoryPatch) (Category, error) {
	var made Category
	err := a.host.Change(ctx, func(ctx context.Context) error {
		all, err := a.lockTree(ctx)
		switch {
		case err != nil:
			return err
		case len(all) >= maxCategories:
			return core.Errorf(core.Conflict, "there are %d categories already: remove one first", maxCategories)
		}
		if err := made.apply(p, all); err != nil {
			return err
		}
		made.Slug = freeIn(all, slugOf(made.Name))
		return a.host.DB(ctx).Create(&made).Error
	})
	return made, err
}

func (a *Articles) updateCategory(ctx context.Context, id int64, p CategoryPatch) (Category, error) {
	var changed Category
	err := a.host.Change(ctx, func(ctx context.Context) error {
		all, err := a.lockTree(ctx)
		if err != nil {
			return err
		}
		old, ok := byID(all)[id]
		if !ok {
			return core.Errorf(core.NotFound, "no category %d", id)
		}
		changed = old
		if err := changed.apply(p, all); err != nil {
			return err
		}
		return a.host.DB(ctx).Select("parent_id", "name", "position").Updates(&changed).Error
	})
	return changed, err
}

// lockTree reads the tree so that nobody else changes it meanwhile: two moves,
// each right by itself, could make a circle together.
func (a *Articles) lockTree(ctx context.Context) ([]Category, error) {
	if a.postgres(ctx) {
		if err := a.exec(ctx, "LOCK TABLE "+a.host.Table("categories")+" IN SHARE ROW EXCLUSIVE MODE").Error; err != nil {
			return nil, err
		}
	}
	return a.categories(ctx)
}

// apply changes c as p says, within the tree that it is or will be in.
func (c *Category) apply(p CategoryPatch, all []Category) error {
	if p.Name != nil {
		c.Name = strings.TrimSpace(*p.Name)
	}
	if n := utf8.RuneCountInString(c.Name); n == 0 || n > maxName {
		return core.InvalidField("name", "a name has 1 to %d characters", maxName)
	}
	if p.Position != nil {
		c.Position = *p.Position
	}
	if p.ParentID.Set {
		c.ParentID = p.ParentID.Value
		return c.checkParent(all)
	}
	return nil
}

// checkParent keeps the tree a tree, and no deeper than somebody would look.
func (c *Category) checkParent(all []Category) error {
	tree, above := byID(all), 0
	for up := c.ParentID; up != nil; above++ {
		parent, ok := tree[*up]
		switch {
		case !ok:
			return core.InvalidField("parent_id", "no category %d", *up)
		case c.ID != 0 && parent.ID == c.ID:
			return core.InvalidField("parent_id", "a category cannot be in itself")
		}
		up = parent.ParentID
	}
	if above+c.height(all, 0) > maxDepth {
		return core.InvalidField("parent_id", "categories are at most %d deep", maxDepth)
	}
	return nil
}

// height is how many levels c and what is in it take.
func (c *Category) height(all []Category, level int) int {
	tallest := 0
	for _, child := range all {
		if level <= maxDepth && c.ID != 0 && child.ParentID != nil && *child.ParentID == c.ID {
			tallest = max(tallest, child.height(all, level+1))
		}
	}
	return tallest + 1
}

func byID(all []Category) map[int64]Category {
	tree := make(map[int64]Category, len(all))
	for _, c := range all {
		tree[c.ID] = c
	}
	return tree
}

// freeIn is the slug, with a number behind it where it is taken.
func freeIn(all []Category, slug string) string {
	taken := map[string]bool{}
	for _, c := range all {
		taken[c.Slug] = true
	}
	return numbered(slug, func(s string) bool { return taken[s] })
}

func (a *Articles) removeCategory(ctx context.Context, id int64) error {
	return a.host.Change(ctx, func(ctx context.Context) error {
		var gone []Category
		err := a.host.DB(ctx).Clauses(clause.Returning{}).Where("id = ?", id).Delete(&gone).Error
		switch {
		case errors.Is(err, gorm.ErrForeignKeyViolated):
			return core.Errorf(core.Conflict, "the category is not empty: move its articles and categories first")
		case err == nil && len(gone) == 0:
			return core.Errorf(core.NotFound, "no category %d", id)
		}
		return err
	})
}
