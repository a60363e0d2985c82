package core

import (
	"database/sql"

	"gorm.io/gorm"
)

// What the tests of Open and adopt need of the inside.
var (
	Adopt         = adopt
	AdoptTx       = adoptTx
	Release       = release
	CheckPostgres = checkPostgres
)

// Readers is the pool of readers of a SQLite database.
func Readers(db *gorm.DB) *sql.DB { return db.Statement.ConnPool.(*sqlitePool).readers }

// IsRead tells where a query goes.
func IsRead(query string) bool {
	writer, readers := &sql.DB{}, &sql.DB{}
	return (&sqlitePool{DB: writer, readers: readers}).route(query) == readers
}
