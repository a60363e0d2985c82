package api

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

func (a *api) registerDirectory(o *rest.Owner) {
	o.Handle("GET /api/me", core.Guests, rest.JSON(a.me, doc("Who you are to the desk.")))
	o.Handle("GET /api/agents", core.Agents, rest.JSON(a.listAgents, doc("Agents and admins, for assigning.")))
	o.Handle("GET /api/people", core.Agents, rest.JSON(a.listPeople, doc("Whoever takes part, in the order first seen.")))
	o.Handle("GET /api/departments", core.Requesters, rest.JSON(a.listDepartments, doc("Departments in order; inactive ones for agents only.")))
	o.Handle("POST /api/departments", core.Admins, rest.JSON(a.createDepartment, created, doc("Add a department.")))
	o.Handle("PATCH /api/departments/{id}", core.Admins, rest.JSON(a.patchDepartment, doc("Change a department.")))
	o.Handle("DELETE /api/departments/{id}", core.Admins, rest.JSON(a.deleteDepartment, doc("Remove a department without tickets.")))
	o.Handle("GET /api/tags", core.Agents, rest.JSON(a.listTags, doc("Tags by name.")))
	o.Handle("POST /api/tags", core.Admins, rest.JSON(a.createTag, created, doc("Add a tag.")))
	o.Handle("PATCH /api/tags/{id}", core.Admins, rest.JSON(a.patchTag, doc("Change a tag.")))
	o.Handle("DELETE /api/tags/{id}", core.Admins, rest.JSON(a.deleteTag, doc("Remove a tag, also from tickets.")))
}

type meAnswer struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	Role        core.Role `json:"role"`
	Departments []int64   `json:"departments" doc:"an agent's; none means all"`
}

func (*api) me(ctx context.Context, _ nothing) (meAnswer, error) {
	me := core.ActorFrom(ctx)
	return meAnswer{me.Person.ID, me.Person.Name, me.Kind, list(me.Departments)}, nil
}

type listPeople struct {
	page
	Email string    `query:"email" max:"254" doc:"exactly this address"`
	Role  core.Role `query:"role"`
}

type personList struct {
	People     []core.PersonView `json:"people"`
	NextCursor *string           `json:"next_cursor"`
}

func (a *api) listPeople(ctx context.Context, in listPeople) (personList, error) {
	people, cursor, err := a.desk.People.List(ctx, core.PeopleQuery{Page: in.page.core(), Email: in.Email, Role: in.Role})
	return personList{views(people), next(cursor)}, err
}

func views(people []core.Person) []core.PersonView {
	out := make([]core.PersonView, len(people))
	for i, p := range people {
		out[i] = p.View()
	}
	return out
}

type listAgents struct{ page }

type agentList struct {
	Agents     []core.PersonView `json:"agents"`
	NextCursor *string           `json:"next_cursor"`
}

func (a *api) listAgents(ctx context.Context, in listAgents) (agentList, error) {
	people, cursor, err := a.desk.People.List(ctx, core.PeopleQuery{Page: in.page.core(), Role: core.Agent})
	return agentList{views(people), next(cursor)}, err
}

type departmentList struct {
	Departments []core.Department `json:"departments"`
	NextCursor  *string           `json:"next_cursor"`
}

func (a *api) listDepartments(ctx context.Context, in listAgents) (departmentList, error) {
	departments, cursor, err := a.desk.Departments.List(ctx, in.page.core())
	return departmentList{list(departments), next(cursor)}, err
}

type departmentFields struct {
	Slug     *string  `json:"slug,omitempty" max:"80" doc:"default: made of the name"`
	Active   *bool    `json:"active,omitempty" doc:"takes new tickets; default true"`
	Position *int     `json:"position,omitempty" doc:"in lists; default 0"`
	Agents   *[]int64 `json:"agents,omitempty" max:"500" doc:"people's ids; all of them"`
}

type createDepartment struct {
	departmentFields
	Name string `json:"name" min:"1" max:"80"`
}

func (a *api) createDepartment(ctx context.Context, in createDepartment) (core.Department, error) {
	return a.desk.Departments.Create(ctx, core.DepartmentPatch{Name: &in.Name, Slug: in.Slug, Active: in.Active, Position: in.Position, Agents: in.Agents})
}

type patchDepartment struct {
	versioned
	departmentFields
	Name *string `json:"name,omitempty" min:"1" max:"80"`
}

func (a *api) patchDepartment(ctx context.Context, in patchDepartment) (core.Department, error) {
	seen, err := core.SeenVersion(in.IfMatch, in.Version)
	if err != nil {
		return core.Department{}, err
	}
	return a.desk.Departments.Update(ctx, in.ID, core.DepartmentPatch{
		Name: in.Name, Slug: in.Slug, Active: in.Active, Position: in.Position, Agents: in.Agents, Version: seen,
	})
}

type oneThing struct {
	ID int64 `path:"id" min:"1"`
}

func (a *api) deleteDepartment(ctx context.Context, in oneThing) (rest.None, error) {
	return rest.None{}, a.desk.Departments.Delete(ctx, in.ID)
}

type tagList struct {
	Tags       []core.Tag `json:"tags"`
	NextCursor *string    `json:"next_cursor"`
}

func (a *api) listTags(ctx context.Context, in listAgents) (tagList, error) {
	tags, cursor, err := a.desk.Tags.List(ctx, in.page.core())
	return tagList{list(tags), next(cursor)}, err
}

type tagFields struct {
	Slug   *string `json:"slug,omitempty" max:"80" doc:"default: made of the name"`
	Colour *string `json:"colour,omitempty" doc:"#rrggbb"`
}

type createTag struct {
	tagFields
	Name string `json:"name" min:"1" max:"80"`
}

func (a *api) createTag(ctx context.Context, in createTag) (core.Tag, error) {
	return a.desk.Tags.Create(ctx, core.TagPatch{Name: &in.Name, Slug: in.Slug, Colour: in.Colour})
}

type patchTag struct {
	versioned
	tagFields
	Name *string `json:"name,omitempty" min:"1" max:"80"`
}

func (a *api) patchTag(ctx context.Context, in patchTag) (core.Tag, error) {
	seen, err := core.SeenVersion(in.IfMatch, in.Version)
	if err != nil {
		return core.Tag{}, err
	}
	return a.desk.Tags.Update(ctx, in.ID, core.TagPatch{Name: in.Name, Slug: in.Slug, Colour: in.Colour, Version: seen})
}

func (a *api) deleteTag(ctx context.Context, in oneThing) (rest.None, error) {
	return rest.None{}, a.desk.Tags.Delete(ctx, in.ID)
}
