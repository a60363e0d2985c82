package hookdesk

import (
	_ "github.com/alecthomas/kong"
	_ "github.com/gabriel-vasile/mimetype"
	_ "github.com/getkin/kin-openapi/openapi3"
	_ "github.com/go-chi/chi/v5"
	_ "github.com/go-co-op/gocron/v2"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/jonboulle/clockwork"
	_ "github.com/pressly/goose/v3"
	_ "github.com/uptrace/bunrouter"
	_ "go.uber.org/goleak"
	_ "gorm.io/driver/postgres"
	_ "gorm.io/driver/sqlite"
	_ "gorm.io/gorm"
	_ "modernc.org/sqlite"
	_ "pgregory.net/rapid"
)
