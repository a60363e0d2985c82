package core

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Department is a part of the desk that tickets go to.
type Department struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Slug     string `json:"slug"`
	Active   bool   `json:"active" doc:"takes new tickets"`
	Position int    `json:"position"`
	Version  int    `json:"version"`
}

// DepartmentAgent says that an agent belongs to a department.
type DepartmentAgent struct {
	DepartmentID int64
	PersonID     int64
}

// Departments is the service of departments.
type Departments struct{ d *Desk }

// DepartmentPatch says what of a department shall be; nil fields stay.
type DepartmentPatch struct {
	Name     *string
	Slug     *string
	Active   *bool
	Position *int
	Agents   *[]int64 // people's ids; all of them
	Version  *int     // the one that the caller has seen
}

// maxList bounds the lists that are short by nature.
const maxList = 500

// List returns a page of the departments in order, and the cursor of the next;
// who is no agent sees the active ones.
func (s Departments) List(ctx context.Context, p Page) ([]Department, string, error) {
	if ActorFrom(ctx).Kind == Nobody {
		return nil, "", Errorf(Unauthenticated, "sign in first")
	}
	q := Query{Order: []Order{{Column: "position"}, {Column: "id"}}, Limit: p.limit() + 1}
	if !ActorFrom(ctx).IsAgent() {
		q.Where = []Cond{{Column: "active", Op: True}}
	}
	if p.Cursor != "" {
		id, err := p.id()
		if err != nil {
			return nil, "", err
		}
		last, err := byID[Department](ctx, s.d.store, "department", id)
		if err != nil {
			return nil, "", InvalidField("cursor", "not a cursor of this list")
		}
		q.After = []any{last.Position, last.ID}
	}
	departments, err := find[Department](ctx, s.d.store, q)
	next := ""
	if len(departments) > p.limit() {
		departments = departments[:p.limit()]
		next = cursorOf(departments[len(departments)-1].ID)
	}
	return departments, next, err
}

// Create adds a department. Admins only.
func (s Departments) Create(ctx context.Context, p DepartmentPatch) (Department, error) {
	dep := Department{Active: true, Version: 1}
	err := s.save(ctx, &dep, p)
	return dep, err
}

// Update changes a department. Admins only; Conflict when it is not at
// p.Version.
func (s Departments) Update(ctx context.Context, id int64, p DepartmentPatch) (Department, error) {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return Department{}, err
	}
	dep, err := byID[Department](ctx, s.d.store, "department", id)
	if err == nil && p.Version != nil && *p.Version != dep.Version {
		err = &Error{Kind: Conflict, Code: "version", Message: "the department was changed meanwhile", Changes: dep}
	}
	if err != nil {
		return dep, err
	}
	err = s.save(ctx, &dep, p)
	return dep, err
}

func (s Departments) save(ctx context.Context, dep *Department, p DepartmentPatch) error {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return err
	}
	set(&dep.Name, p.Name)
	set(&dep.Active, p.Active)
	set(&dep.Position, p.Position)
	if p.Slug != nil {
		dep.Slug = *p.Slug
	} else if dep.ID == 0 {
		dep.Slug = dep.Name
	}
	if err := checkNamed("name", &dep.Name, &dep.Slug); err != nil {
		return err
	}
	err := s.d.change(ctx, func(ctx context.Context) error {
		if err := s.write(ctx, dep); err != nil {
			return err
		}
		return s.staff(ctx, dep.ID, p.Agents)
	})
	if errors.Is(err, ErrDuplicate) {
		return InvalidField("slug", "another department has this one")
	}
	return err
}

func (s Departments) write(ctx context.Context, dep *Department) error {
	if dep.ID == 0 {
		return s.d.store.Insert(ctx, dep)
	}
	rows, err := update[Department](ctx, s.d.store, []Assign{
		Set("name", dep.Name), Set("slug", dep.Slug), Set("active", dep.Active), Set("position", dep.Position), Add("version", 1),
	}, Is("id", dep.ID), Is("version", dep.Version))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return Errorf(Conflict, "the department was changed meanwhile")
	}
	*dep = rows[0]
	return nil
}

func (s Departments) staff(ctx context.Context, id int64, agents *[]int64) error {
	if agents == nil {
		return nil
	}
	s.d.people.forget() // actors carry their departments
	if _, err := s.d.store.Delete(ctx, &DepartmentAgent{}, Is("department_id", id)); err != nil {
		return err
	}
	for i, person := range *agents {
		if slices.Contains((*agents)[:i], person) {
			continue
		}
		if err := s.d.checkAssignee(ctx, nil, &person); KindOf(err) == Invalid {
			return InvalidField("agents", "there is no agent %d", person)
		} else if err != nil {
			return err
		}
		if err := s.d.store.Insert(ctx, &DepartmentAgent{id, person}); err != nil {
			return err
		}
	}
	return nil
}

// Agents lists the ids of the people of departments.
func (s Departments) Agents(ctx context.Context, ids ...int64) ([]DepartmentAgent, error) {
	if err := s.d.can(ctx, ReadDirectory, nil); err != nil {
		return nil, err
	}
	return find[DepartmentAgent](ctx, s.d.store, Query{Where: []Cond{Where("department_id", In, ids)}, Order: []Order{{Column: "person_id"}}, Limit: 10 * maxList})
}

// Delete removes a department that no ticket is in. Admins only.
func (s Departments) Delete(ctx context.Context, id int64) error {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return err
	}
	s.d.people.forget()
	return s.d.change(ctx, func(ctx context.Context) error {
		if _, err := s.d.store.Delete(ctx, &DepartmentAgent{}, Is("department_id", id)); err != nil {
			return err
		}
		n, err := s.d.store.Delete(ctx, &Department{}, Is("id", id))
		switch {
		case errors.Is(err, ErrForeign):
			return Errorf(Conflict, "tickets are in this department: move them, or make it inactive")
		case err == nil && n == 0:
			return notFound("department", id)
		}
		return err
	})
}

// checkNamed trims a name and makes slug of it what stands in addresses: lower
// case, letters and digits of any script, hyphens between.
func checkNamed(field string, name, slug *string) error {
	*name = strings.TrimSpace(*name)
	if err := checkText(field, *name+*slug); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(*name); n == 0 || n > 80 {
		return InvalidField(field, "a name has 1 to 80 characters")
	}
	*slug = slugOf(*slug)
	if *slug == "" || utf8.RuneCountInString(*slug) > 80 {
		return InvalidField("slug", "a slug has 1 to 80 letters or digits")
	}
	return nil
}

func slugOf(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	return strings.Join(words, "-")
}
