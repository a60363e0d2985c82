package schema

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql
var core embed.FS

// Core is the SQL of the helpdesk itself, one set for both databases, as the
// Migrations of an Owner.
func Core() fs.FS { return core }
