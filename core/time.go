package core

import (
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/hookdesk/hookdesk/rest"
)

// Time is an instant in UTC to the microsecond, the precision that the
// database keeps. Its JSON is RFC 3339; its column is a bigint of microseconds
// since 1970 on every database.
type Time struct{ time.Time }

// TimeOf cuts t to what the database keeps.
func TimeOf(t time.Time) Time { return Time{t.UTC().Truncate(time.Microsecond)} }

// Value is the column: microseconds since 1970.
func (t Time) Value() (driver.Value, error) { return t.UnixMicro(), nil }

// Scan reads the column.
func (t *Time) Scan(v any) error {
	micros, ok := v.(int64)
	if !ok {
		return fmt.Errorf("an instant is an integer column, not %T", v)
	}
	*t = timeOfMicros(micros)
	return nil
}

// GormDataType is the column type that GORM's migrator would choose.
func (Time) GormDataType() string { return "bigint" }

// Schema describes the JSON form.
func (Time) Schema() rest.Schema { return rest.Schema{Type: "string", Format: "date-time"} }

func timeOfMicros(micros int64) Time { return Time{time.UnixMicro(micros).UTC()} }
