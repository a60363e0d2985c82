package core

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Files keeps the content of attachments, each under its SHA-256 in lower case
// hexadecimal.
type Files interface {
	// Put stores content under sum for good before it returns. What is there
	// already is left alone.
	Put(ctx context.Context, sum string, content io.Reader) error
	// Open reads what is stored under sum.
	Open(ctx context.Context, sum string) (io.ReadCloser, error)
	// Remove deletes what is stored under sum; nothing there is no error.
	Remove(ctx context.Context, sum string) error
}

// Dir is Files in a folder, made when missing. Nothing outside it is reached.
type Dir string

func (d Dir) root() (*os.Root, error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	return os.OpenRoot(string(d))
}

func fileOf(sum string) string { return sum[:2] + "/" + sum }

// Put implements Files. The file is written under another name, synced and
// then renamed, so that a crash leaves no half of it.
func (d Dir) Put(_ context.Context, sum string, content io.Reader) error {
	root, err := d.root()
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing is written through it any more
	if _, err := root.Stat(fileOf(sum)); err == nil {
		return nil
	}
	if err := root.Mkdir(sum[:2], 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("files: %w", err)
	}
	half := fileOf(sum) + "." + rand.Text()
	file, err := root.Create(half)
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	_, err = io.Copy(file, content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = root.Rename(half, fileOf(sum))
	}
	if err != nil {
		_ = root.Remove(half) // the error above says all
		return fmt.Errorf("files: %w", err)
	}
	return d.syncDir(root, sum[:2])
}

// syncDir makes the new name survive a loss of power.
func (Dir) syncDir(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Open implements Files.
func (d Dir) Open(_ context.Context, sum string) (io.ReadCloser, error) {
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // the file stays open
	file, err := root.Open(fileOf(sum))
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	return file, nil
}

// Remove implements Files.
func (d Dir) Remove(_ context.Context, sum string) error {
	root, err := d.root()
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing is written through it any more
	if err := root.Remove(fileOf(sum)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("files: %w", err)
	}
	return nil
}
