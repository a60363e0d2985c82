package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// entry is one change that a desk has acknowledged.
type entry struct {
	Op       string `json:"op"` // ticket, reply, note, priority, merge
	Ticket   int64  `json:"ticket"`
	Token    string `json:"token,omitempty"` // the text that must be found again
	Priority string `json:"priority,omitempty"`
	Source   int64  `json:"source,omitempty"` // of a merge
	File     string `json:"file,omitempty"`   // the content of what is attached
	FileID   int64  `json:"file_id,omitempty"`
}

// ledger is the log of what was acknowledged, outside of the desk and synced
// before anything else happens.
type ledger struct {
	mu   sync.Mutex
	file *os.File
	n    int
}

func newLedger(path string) (*ledger, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return &ledger{file: file}, err
}

func (l *ledger) add(e entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	_, err = l.file.Write(append(text, '\n'))
	return errors.Join(err, l.file.Sync())
}

func readLedger(path string) (entries []entry, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		entries = append(entries, e)
	}
	return entries, lines.Err()
}
