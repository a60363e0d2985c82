package savedviews

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
)

// most bounds the views of one person, and those that a desk shares.
const most = 200

// Views is the service of saved views. Other plugins find it with core.Lookup,
// by an interface of their own that asks for the methods they need.
type Views struct {
	host   core.Host
	hooks  *Hooks
	memory *memory
	live   *live
}

// List returns the views that the actor may open: first those that the actor
// has put into an order, then the others, oldest first. Agents only.
func (s *Views) List(ctx context.Context) ([]View, error) {
	if err := agentsOnly(ctx); err != nil {
		return nil, err
	}
	views, placed := []View{}, s.host.Table("positions")
	err := s.seen(ctx). //nolint:unqueryvet // placed is the name of a table, the rest is literal
				Joins("LEFT JOIN "+placed+" p ON p.view_id = id AND p.person_id = ?", core.ActorFrom(ctx).Person.ID).
				Order("p.position IS NULL, p.position, id").Limit(2 * most).Find(&views).Error
	if err != nil {
		return nil, err
	}
	return views, s.complete(ctx, views)
}

// Get returns a view. It fails with NotFound when the actor may not open it.
func (s *Views) Get(ctx context.Context, id int64) (View, error) {
	views, err := s.some(ctx, id)
	if err != nil {
		return View{}, err
	}
	return views[0], nil
}

// some are the views of these ids, in their order.
func (s *Views) some(ctx context.Context, ids ...int64) ([]View, error) {
	found, err := s.found(ctx, ids...)
	if err != nil {
		return nil, err
	}
	views := make([]View, 0, len(ids))
	for _, id := range ids {
		v, ok := found[id]
		if !ok {
			return nil, core.Errorf(core.NotFound, "no view %d", id)
		}
		views = append(views, v)
	}
	return views, nil
}

// found are those of the views that the actor may open.
func (s *Views) found(ctx context.Context, ids ...int64) (map[int64]View, error) {
	var views []View
	err := s.seen(ctx).Where("id IN ?", ids).Find(&views).Error
	if err == nil && len(views) > 0 {
		err = s.complete(ctx, views)
	}
	byID := make(map[int64]View, len(views))
	for _, v := range views {
		byID[v.ID] = v
	}
	return byID, err
}

// seen are the views that the actor may open: own ones, those for everybody, and
// those of own departments. Who has no departments works for all of them.
func (s *Views) seen(ctx context.Context) *gorm.DB {
	db, a := s.host.DB(ctx), core.ActorFrom(ctx)
	switch {
	case !a.IsAgent():
		return db.Where("1 = 0")
	case a.Kind >= core.Admin || len(a.Departments) == 0:
		return db.Where("(owner_id = ? OR sharing <> ?)", a.Person.ID, Private)
	}
	theirs := "SELECT d.view_id FROM " + s.host.Table("departments") + " d WHERE d.department_id IN ?"
	mine := "(owner_id = ? OR sharing = ? OR sharing = ? AND id IN (" + theirs + "))"
	return db.Where(mine, a.Person.ID, Everybody, ByDepartments, a.Departments)
}

func agentsOnly(ctx context.Context) error {
	if !core.ActorFrom(ctx).IsAgent() {
		return core.Errorf(core.Forbidden, "views are for agents")
	}
	return nil
}

// mayEdit reports whether the actor may change a view that the actor sees.
func mayEdit(a core.Actor, v View) bool {
	return a.Kind >= core.Admin && v.Sharing != Private || owns(a, v)
}

func owns(a core.Actor, v View) bool { return v.OwnerID != nil && *v.OwnerID == a.Person.ID }

// viewDepartment says that a view is shared with a department.
type viewDepartment struct {
	ViewID       int64
	DepartmentID int64
}

// complete adds to views what stands in other tables.
func (s *Views) complete(ctx context.Context, views []View) error {
	at := make(map[int64]*View, len(views))
	ids := make([]int64, len(views))
	for i := range views {
		v := &views[i]
		at[v.ID], ids[i] = v, v.ID
		v.Departments, v.Editable = []int64{}, mayEdit(core.ActorFrom(ctx), *v)
	}
	var rows []viewDepartment
	err := s.host.DB(ctx).Table(s.host.Table("departments")).Where("view_id IN ?", ids).Order("view_id, department_id").Find(&rows).Error
	if err != nil {
		return err
	}
	for _, r := range rows {
		at[r.ViewID].Departments = append(at[r.ViewID].Departments, r.DepartmentID)
	}
	return s.examine(ctx, views)
}

// change runs fn in a transaction, one at a time at the whole desk: views are
// changed rarely, and so fn may count them first.
func (s *Views) change(ctx context.Context, fn func(context.Context) error) error {
	return s.host.Change(ctx, func(ctx context.Context) error {
		lock := "UPDATE " + s.host.Table("desk") + " SET id = id"
		if err := s.host.DB(ctx).Exec(lock).Error; err != nil {
			return err
		}
		return fn(ctx)
	})
}

// position is a view's place in somebody's order.
type position struct {
	PersonID int64
	ViewID   int64
	Position int
}

// Reorder makes the views, which the actor may open, the first ones of the
// actor's list, in this order. People only.
func (s *Views) Reorder(ctx context.Context, ids []int64) error {
	me := core.ActorFrom(ctx).Person.ID
	if err := agentsOnly(ctx); err != nil {
		return err
	}
	if me == 0 {
		return core.Errorf(core.Forbidden, "only people have an order of views")
	}
	places := make([]position, len(ids))
	seen := map[int64]bool{}
	for i, id := range ids {
		if seen[id] {
			return core.InvalidField("ids", "the view %d is given twice", id)
		}
		seen[id], places[i] = true, position{me, id, i}
	}
	return s.change(ctx, func(ctx context.Context) error {
		if _, err := s.some(ctx, ids...); err != nil {
			return err
		}
		if err := s.host.DB(ctx).Where("person_id = ?", me).Delete(&position{}).Error; err != nil || len(ids) == 0 {
			return err
		}
		return s.host.DB(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&places).Error
	})
}

// editable finds a view of the actor's to change at the version that was seen.
func (s *Views) editable(ctx context.Context, id int64, version int) (View, error) {
	v, err := s.Get(ctx, id)
	switch {
	case err != nil:
		return v, err
	case !v.Editable:
		return v, core.Errorf(core.Forbidden, "only the owner of a view and admins change it")
	case v.Version != version:
		return v, &core.Error{Kind: core.Conflict, Code: "version", Message: "the view was changed meanwhile", Changes: v}
	}
	return v, nil
}

func (s *Views) now() core.Time { return core.TimeOf(s.host.Now()) }

func wrap(what string, id int64, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s view %d: %w", what, id, err)
}
