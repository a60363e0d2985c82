//go:build cgo

package core_test

import (
	"path/filepath"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// withCGO are the databases that only a build with a C compiler can test.
func withCGO() []database {
	return []database{{"host with mattn's engine and no pragmas", func(t *testing.T) *gorm.DB {
		t.Helper()
		return adopted(t, mattnHost(t, ""))
	}}}
}

func mattnHost(t *testing.T, query string) *gorm.DB {
	t.Helper()
	return host(t, sqlite.Open(filepath.Join(t.TempDir(), "host.db")+query))
}

func TestATransactionOfAMattnHostIsCheckedToo(t *testing.T) {
	t.Parallel()
	db := mattnHost(t, "?_txlock=immediate")
	desk := adopted(t, db)
	tx := db.Begin()
	t.Cleanup(func() { tx.Rollback() })
	if _, err := core.AdoptTx(desk, tx); err == nil {
		t.Error("a transaction without foreign keys was taken")
	}
}
