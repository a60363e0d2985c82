//go:build !cgo

package core_test

func withCGO() []database { return nil }
