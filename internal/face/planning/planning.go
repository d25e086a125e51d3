package planning

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"seneschal/internal/engine/dispatch"
	"seneschal/internal/fault"
)

const maxBody = 10 << 20 // some ten thousand slots

// Face is the door.
type Face struct {
	Take func(ctx context.Context, intake string, h http.Header, body []byte) (dispatch.Outcome, error)
	Log  *slog.Logger
}

// Mount adds the route.
func (f *Face) Mount(mux *http.ServeMux) { mux.HandleFunc("POST /notify/dispatch/{intake}", f.receive) }

// receive answers 200 when the slots are in the plan, so that whoever gets anything else calls again under the same id.
func (f *Face) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		p := unread(err).Problem()
		f.answer(w, p.Status, "application/problem+json", p)
		return
	}
	out, err := f.Take(r.Context(), r.PathValue("intake"), r.Header, body)
	if err != nil {
		p := fault.As(err).Problem()
		if p.Status >= http.StatusInternalServerError {
			f.Log.ErrorContext(r.Context(), "slots of a planning system were not taken", "intake", r.PathValue("intake"), "error", err)
		}
		f.answer(w, p.Status, "application/problem+json", p)
		return
	}
	f.answer(w, http.StatusOK, "application/json", out)
}

func unread(err error) *fault.Error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &fault.Error{Kind: fault.TooLarge, Code: "body_too_large", Message: "The call is larger than 10 MB", Fix: "Send the slots in several calls", Who: "whoever runs the calling system"}
	}
	return &fault.Error{Kind: fault.Invalid, Code: "body_cut_off", Message: "The call was cut off", Fix: "Send it again", Who: "whoever runs the calling system"}
}

func (f *Face) answer(w http.ResponseWriter, status int, kind string, v any) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
