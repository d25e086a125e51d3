package ical

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"seneschal/internal/fault"
)

// Face answers calendar programs.
type Face struct {
	Read func(ctx context.Context, secret string) ([]byte, error)
	Log  *slog.Logger
}

// Mount adds the route.
func (f *Face) Mount(mux *http.ServeMux) { mux.HandleFunc("GET /ical/{secret}", f.serve) }

// serve gives the calendar whose secret it is. Nobody learns whether another one exists: 256 bits are not guessed.
func (f *Face) serve(w http.ResponseWriter, r *http.Request) {
	secret := strings.TrimSuffix(r.PathValue("secret"), ".ics")
	content, err := f.Read(r.Context(), secret)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		http.Error(w, "There is no calendar under this address. Whoever plans makes a new one: seneschal dispatch link make MAILBOX", http.StatusNotFound)
		return
	case err != nil:
		f.Log.ErrorContext(r.Context(), "a technician's calendar was not read", "error", err)
		http.Error(w, "The calendar cannot be read now; ask again in a minute", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Cache-Control", "private, no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(content)
}
