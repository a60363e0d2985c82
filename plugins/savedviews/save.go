package savedviews

import (
	"context"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// Create saves a new view, which is the actor's; that of a plugin is the desk's
// own. It fails with Invalid, with Forbidden when the actor may not share it so,
// and with the veto of a Before handler. Agents only.
func (s *Views) Create(ctx context.Context, d Draft) (View, error) {
	if err := agentsOnly(ctx); err != nil {
		return View{}, err
	}
	if d.Sharing == "" {
		d.Sharing = Private
	}
	var v View
	if me := core.ActorFrom(ctx).Person.ID; me != 0 {
		v.OwnerID = &me
	}
	err := s.save(ctx, v, d, func(ctx context.Context, d Draft) (err error) {
		v, err = s.insert(ctx, v, d)
		return err
	})
	if err != nil {
		return View{}, err
	}
	return s.Get(ctx, v.ID)
}

// Update changes a view. It fails with NotFound, Forbidden, Invalid, with the
// veto of a Before handler, and with Conflict when the view is not at p.Version.
func (s *Views) Update(ctx context.Context, id int64, p Patch) (View, error) {
	old, err := s.editable(ctx, id, p.Version)
	if err != nil {
		return View{}, err
	}
	err = s.save(ctx, old, p.onto(old.Draft.Clone()), func(ctx context.Context, d Draft) error {
		now, err := s.editable(ctx, id, p.Version)
		if err == nil {
			err = s.replace(ctx, now, d)
		}
		return err
	})
	if err != nil {
		return View{}, err
	}
	return s.Get(ctx, id)
}

// Delete deletes a view at the version that was seen. It fails with NotFound,
// Forbidden, Conflict and with the veto of a Before handler.
func (s *Views) Delete(ctx context.Context, id int64, version int) error {
	v, err := s.editable(ctx, id, version)
	if err != nil {
		return err
	}
	if err := s.hooks.Delete.Before.Run(ctx, &v); err != nil {
		return err
	}
	return s.change(ctx, func(ctx context.Context) error {
		now, err := s.editable(ctx, id, version)
		if err != nil {
			return err
		}
		if err := s.host.DB(ctx).Delete(&View{}, id).Error; err != nil {
			return err
		}
		return core.Perform(ctx, s.host, &s.hooks.Delete, 0, true, &Deleted{id, now.Sharing})
	})
}

// save lets hooks and checks have their say, and write the draft be written.
func (s *Views) save(ctx context.Context, old View, d Draft, write func(context.Context, Draft) error) error {
	if err := s.check(ctx, old, &d); err != nil {
		return err
	}
	saving := Saving{Old: old, New: d}
	if err := s.hooks.Save.Before.Run(ctx, &saving); err != nil {
		return err
	}
	if err := s.check(ctx, old, &saving.New); err != nil {
		return err
	}
	return s.change(ctx, func(ctx context.Context) error { return write(ctx, saving.New) })
}

func (s *Views) insert(ctx context.Context, v View, d Draft) (View, error) {
	v.Draft, v.Version, v.CreatedAt, v.UpdatedAt = d, 1, s.now(), s.now()
	if err := s.checkRoom(ctx, v, Private); err != nil {
		return v, err
	}
	if err := s.host.DB(ctx).Create(&v).Error; err != nil {
		return v, wrap("save", 0, err)
	}
	return v, s.saved(ctx, v)
}

func (s *Views) replace(ctx context.Context, v View, d Draft) error {
	was := v.Sharing
	v.Draft, v.UpdatedAt, v.Version = d, s.now(), v.Version+1
	if err := s.checkRoom(ctx, v, was); err != nil {
		return err
	}
	db := s.host.DB(ctx)
	err := db.Select("name", "icon", "sharing", "filters", "sort", "columns", "version", "updated_at").Updates(&v).Error
	if err == nil {
		err = db.Table(s.host.Table("departments")).Where("view_id = ?", v.ID).Delete(&viewDepartment{}).Error
	}
	if err != nil {
		return wrap("save", v.ID, err)
	}
	return s.saved(ctx, v)
}

// saved writes the departments of a view, and the event.
func (s *Views) saved(ctx context.Context, v View) error {
	rows := make([]viewDepartment, len(v.Departments))
	for i, id := range v.Departments {
		rows[i] = viewDepartment{v.ID, id}
	}
	if len(rows) > 0 {
		if err := s.host.DB(ctx).Table(s.host.Table("departments")).Create(&rows).Error; err != nil {
			return wrap("share", v.ID, err)
		}
	}
	return core.Perform(ctx, s.host, &s.hooks.Save, 0, true, &Saved{v.ID, v.Version, v.Sharing})
}

// checkRoom bounds what a list may have to show.
func (s *Views) checkRoom(ctx context.Context, v View, was Sharing) error {
	if v.ID == 0 && v.OwnerID != nil {
		n, err := countOf(s.host.DB(ctx).Where("owner_id = ?", *v.OwnerID))
		if err != nil {
			return err
		}
		if n >= most {
			return core.Errorf(core.Conflict, "you have %d views, which is the most: delete one first", most)
		}
	}
	if v.Sharing == Private || was != Private {
		return nil
	}
	n, err := countOf(s.host.DB(ctx).Where("sharing <> ?", Private))
	if err == nil && n >= most {
		err = core.Errorf(core.Conflict, "the desk shares %d views, which is the most: delete one first", most)
	}
	return err
}

func countOf(q *gorm.DB) (n int64, err error) {
	err = q.Model(&View{}).Count(&n).Error
	return n, err
}
