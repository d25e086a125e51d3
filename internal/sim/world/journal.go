package world

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A journal is one JSON line per transaction. The first line tells what the world was seeded from; the rest is replayed over the seeds.
type journalHead struct {
	World string    `json:"world"`
	Seed  uint64    `json:"seed"`
	Start time.Time `json:"start"` // seeds are relative to it
	Users int       `json:"users,omitempty"`
	Mails int       `json:"mails,omitempty"`
}

type op struct {
	Key
	Object Object `json:"o,omitempty"` // nil: deleted
	Left   string `json:"l,omitempty"` // with "gone": the folder that the item left; only compaction writes it
	Moves  int    `json:"m,omitempty"` // goes with Left
	Gone   bool   `json:"g,omitempty"`
	Silent bool   `json:"x,omitempty"` // deleted, and its leaving stands in a line of its own; only compaction writes it
	Born   uint64 `json:"b,omitempty"` // when the item was created; only compaction writes it
}

type journalLine struct {
	Seq uint64 `json:"q"`
	Ops []op   `json:"t"`
}

type journal struct {
	f *os.File
}

func journalPath(dir string) string { return filepath.Join(dir, "journal.jsonl") }

// readJournal calls each for every whole line. A torn last line is what a kill leaves behind: it is forgotten.
func readJournal(dir string, head *journalHead, each func(journalLine)) (found bool, err error) {
	f, err := os.Open(journalPath(dir))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open the world's journal: %w", err)
	}
	defer func() { _ = f.Close() }()
	r := bufio.NewReaderSize(f, 1<<16)
	for first := true; ; first = false {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("read the world's journal: %w", err)
		}
		if first {
			if err := json.Unmarshal(line, head); err != nil {
				return false, fmt.Errorf("the world's journal %s begins with no head: %w", journalPath(dir), err)
			}
			found = true
			continue
		}
		var l journalLine
		if json.Unmarshal(line, &l) != nil {
			return found, nil // what follows a broken line was never acknowledged as a whole
		}
		each(l)
	}
}

// startJournal writes the compacted journal beside the old one, takes its place, and stays open for appending.
func startJournal(dir string, head journalHead, lines func(yield func(journalLine) error) error) (*journal, error) {
	tmp := journalPath(dir) + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start the world's journal: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<16)
	enc := json.NewEncoder(w)
	err = enc.Encode(head)
	if err == nil {
		err = lines(func(l journalLine) error { return enc.Encode(l) })
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = os.Rename(tmp, journalPath(dir))
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("start the world's journal: %w", err)
	}
	return &journal{f: f}, nil
}

func (j *journal) append(l journalLine) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	// One write per transaction: a kill tears at most the last line.
	_, err = j.f.Write(append(b, '\n'))
	return err
}

func (j *journal) close() error { return j.f.Close() }
