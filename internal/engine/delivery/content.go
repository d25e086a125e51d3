package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"seneschal/internal/action"
	"seneschal/internal/store"
)

// piece is how much of a file lies in one row: so much is in memory at a time.
const piece = 512 << 10

func contentRef(id string, part, number int) string {
	return fmt.Sprintf("delivery_content/%s/%d/%d", id, part, number)
}

func headRef(id string) string { return "delivery_entry/" + id + "/head" }

// keep seals letter and files, piece by piece. It comes before the delivery's row: what is left of an intake that broke off is found by
// having none (see sweep).
func (e *Engine) keep(ctx context.Context, id string, l Letter, files []*action.Content) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := e.keepPiece(ctx, id, 0, 0, text); err != nil {
		return err
	}
	buffer := make([]byte, piece)
	for i, f := range files {
		r := f.Reader()
		for number := 0; ; number++ {
			n, err := io.ReadFull(r, buffer)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				return err
			}
			if err := e.keepPiece(ctx, id, i+1, number, buffer[:n]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) keepPiece(ctx context.Context, id string, part, number int, plain []byte) error {
	sealed, err := e.Vault.Seal(contentRef(id, part, number), plain)
	if err != nil {
		return err
	}
	return e.Store.InTx(ctx, "delivery.keep", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "insert into delivery_content (delivery, part, number, sealed) values ($1, $2, $3, $4)", id, part, number, sealed)
		return err
	})
}

// forgetContent erases letter and files.
func forgetContent(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.ExecContext(ctx, "delete from delivery_content where delivery = $1", id)
	return err
}

// letter opens what is to be sent.
func (e *Engine) letter(ctx context.Context, id string) (l Letter, err error) {
	text, err := e.open(ctx, id, 0, 0)
	if err != nil {
		return l, err
	}
	return l, json.Unmarshal(text, &l)
}

func (e *Engine) open(ctx context.Context, id string, part, number int) ([]byte, error) {
	var sealed []byte
	err := e.Store.Reader().QueryRowContext(ctx, "select sealed from delivery_content where delivery = $1 and part = $2 and number = $3", id, part, number).Scan(&sealed)
	if err != nil {
		return nil, err
	}
	return e.Vault.Open(ctx, contentRef(id, part, number), sealed)
}

// files opens the attachments one after the other into files without a name. Whoever gets them closes them.
func (e *Engine) files(ctx context.Context, d Delivery) (map[string]*action.Content, error) {
	out := map[string]*action.Content{}
	for i, f := range d.Head.Files {
		content, err := action.Spool(f.Name, f.ContentType, &reader{ctx: ctx, e: e, id: d.ID, part: i + 1, left: f.Size}, maxFile)
		if err == nil && content.SHA256 != f.SHA256 {
			err = errors.Join(fmt.Errorf("the sealed file %d of delivery %s is not what was handed in", i+1, d.ID), content.Close())
		}
		if err != nil {
			closeAll(out)
			return nil, err
		}
		out[fileName(i)] = content
	}
	return out, nil
}

func fileName(i int) string { return fmt.Sprintf("attachment_%d", i+1) }

func closeAll(files map[string]*action.Content) {
	for _, c := range files {
		_ = c.Close()
	}
}

// reader reads one file piece by piece.
type reader struct {
	ctx    context.Context //nolint:containedctx // io.Reader has no other place for it
	e      *Engine
	id     string
	part   int
	number int
	left   int64
	rest   []byte
}

// Read gives what is there of the present piece.
func (r *reader) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		var err error
		if r.rest, err = r.e.open(r.ctx, r.id, r.part, r.number); err != nil {
			return 0, err
		}
		r.number++
	}
	n := copy(b, r.rest)
	r.rest, r.left = r.rest[n:], r.left-int64(n)
	return n, nil
}
