package savedviews

import (
	"strconv"

	"github.com/hookdesk/hookdesk/core"
)

// View is a saved list of tickets, as one reader sees it.
type View struct {
	ID        int64  `json:"id"`
	OwnerID   *int64 `json:"owner_id" doc:"the person whose it is; null for the desk's own"`
	Draft     `gorm:"embedded"`
	Version   int       `json:"version"`
	CreatedAt core.Time `json:"created_at"`
	UpdatedAt core.Time `json:"updated_at"`
	Editable  bool      `json:"editable" gorm:"-" doc:"you may change and delete it"`
	Broken    []Broken  `json:"broken" gorm:"-" doc:"what its filters name and is not there any more"`
}

// ETag is the view's version.
func (v View) ETag() string { return strconv.Quote(strconv.Itoa(v.Version)) }

// Draft is what people say of a view.
type Draft struct {
	Name        string              `json:"name"`
	Icon        string              `json:"icon"`
	Sharing     Sharing             `json:"sharing"`
	Departments []int64             `json:"departments" gorm:"-" doc:"of those it is shared with"`
	Filters     map[string][]string `json:"filters" gorm:"serializer:json" doc:"query parameters of GET /api/tickets, each with its values"`
	Sort        string              `json:"sort" doc:"as in GET /api/tickets; empty: the usual"`
	Columns     []string            `json:"columns" gorm:"serializer:json" doc:"what the list shows; empty: the usual"`
}

// Sharing says who may open a view.
type Sharing string

// The ways to share.
const (
	Private       Sharing = "private"     // its owner
	ByDepartments Sharing = "departments" // the agents of its departments, and those who work for all
	Everybody     Sharing = "everybody"   // all agents
)

// Values lists the ways to share.
func (Sharing) Values() []string {
	return []string{string(Private), string(ByDepartments), string(Everybody)}
}

// Broken is a filter that names what is not there any more.
type Broken struct {
	Field string `json:"field" doc:"the parameter"`
	Value string `json:"value"`
	Why   string `json:"why"`

	whole bool // the parameter itself is of no use
}

// Patch says what of a view shall be; nil fields stay.
type Patch struct {
	Name        *string
	Icon        *string
	Sharing     *Sharing
	Departments *[]int64
	Filters     *map[string][]string
	Sort        *string
	Columns     *[]string
	Version     int // the one that the caller has seen
}

// onto is the draft with the patch put into it.
func (p Patch) onto(d Draft) Draft {
	set(&d.Name, p.Name)
	set(&d.Icon, p.Icon)
	set(&d.Sharing, p.Sharing)
	set(&d.Filters, p.Filters)
	set(&d.Sort, p.Sort)
	set(&d.Columns, p.Columns)
	if p.Sharing != nil && *p.Sharing != ByDepartments {
		d.Departments = nil // they went with the sharing
	}
	set(&d.Departments, p.Departments)
	return d
}

func set[T any](field, v *T) {
	if v != nil {
		*field = *v
	}
}
