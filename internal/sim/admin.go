package sim

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"seneschal/internal/sim/entra"
	"seneschal/internal/sim/graph"
	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

// Fault is one misbehaviour; see trouble's kinds.
type Fault = trouble.Fault

// Request is what is remembered of one request.
type Request = trouble.Request

// FileChange is what happens to a file without Graph.
type FileChange = graph.FileChange

// Limits are the throttling limits in force.
type Limits = graph.Limits

// Fault plays a misbehaviour from now on: POST /faults. Faults about accounts and consent act at once and stay.
func (s *Sim) Fault(f Fault) error {
	c := s.core.Load()
	if act, ok := accountFaults[f.Kind]; ok {
		return act(c.entra, f)
	}
	if f.Kind == trouble.Lifecycle {
		return c.graph.Lifecycle(f.Code)
	}
	if f.Kind == trouble.SharingOff || f.Kind == trouble.SharingOn {
		c.graph.ShareOutside(f.Match.Tenant, f.Kind == trouble.SharingOn)
		return nil
	}
	if f.Kind == trouble.DeleteTeam {
		if !c.graph.DeleteTeam(f.Match.Tenant, f.Code) {
			return fmt.Errorf("there is no team %q", f.Code)
		}
		return nil
	}
	return c.faults.Add(f)
}

// accountFaults change the directory instead of answers.
var accountFaults = map[string]func(*entra.Server, Fault) error{
	trouble.Revoke:          func(e *entra.Server, f Fault) error { return e.Revoke(f.Match.Tenant, f.User) },
	trouble.DisableUser:     func(e *entra.Server, f Fault) error { return e.DisableUser(f.Match.Tenant, f.User) },
	trouble.ConsentWithdraw: func(e *entra.Server, f Fault) error { return e.WithdrawConsent(f.Match.Tenant, f.App) },
	trouble.DisableApp:      func(e *entra.Server, f Fault) error { return e.DisableApp(f.App) },
	trouble.GiveConsent:     func(e *entra.Server, f Fault) error { return e.GiveConsent(f.Match.Tenant, f.App) },
	trouble.RemoveMailbox:   func(e *entra.Server, f Fault) error { return e.RemoveMailbox(f.Match.Tenant, f.User) },
	trouble.ReturnMailbox:   func(e *entra.Server, f Fault) error { return e.ReturnMailbox(f.Match.Tenant, f.User) },
	trouble.DeleteUser:      func(e *entra.Server, f Fault) error { return e.DeleteUser(f.Match.Tenant, f.User) },
	trouble.RestoreUser:     func(e *entra.Server, f Fault) error { return e.RestoreUser(f.Match.Tenant, f.User) },
	trouble.MakeUserAnew:    func(e *entra.Server, f Fault) error { return e.MakeUserAnew(f.Match.Tenant, f.User) },
	trouble.MakeGuest:       func(e *entra.Server, f Fault) error { return e.MakeGuest(f.Match.Tenant, f.User) },
	trouble.SecretExpired:   func(e *entra.Server, f Fault) error { return e.ExpireSecrets(f.App) },
}

// ClearFaults ends the misbehaviour: DELETE /faults.
func (s *Sim) ClearFaults() { s.core.Load().faults.Clear() }

// Requests gives the remembered requests, oldest first: GET /requests.
func (s *Sim) Requests() []Request { return s.core.Load().record.Requests() }

// Counters gives the counters: GET /counters.
func (s *Sim) Counters() map[string]int {
	c := s.core.Load()
	all := c.record.Counters()
	for kind, n := range c.faults.Played() {
		all["faults."+kind] = n
	}
	return all
}

// Now is the simulator's time.
func (s *Sim) Now() time.Time { return s.cfg.Clock.Now() }

// Advance moves the clock forward and does what became due: POST /clock.
func (s *Sim) Advance(d time.Duration) error {
	a, ok := s.cfg.Clock.(world.Advancer)
	if !ok {
		return errors.New("this simulator's clock cannot be moved")
	}
	a.Advance(d)
	s.core.Load().graph.Tick()
	return nil
}

// State gives a collection of a tenant's directory, or of all its mailboxes: GET /state/{tenant}/{collection}.
func (s *Sim) State(tenant, collection string) ([]map[string]any, error) {
	c := s.core.Load()
	t, ok := c.world.Tenant(tenant)
	if !ok {
		return nil, fmt.Errorf("there is no tenant %q", tenant)
	}
	return c.graph.State(t.ID, collection), nil
}

// DeliverMail puts a message into a mailbox as if it had just arrived: POST /mail.
func (s *Sim) DeliverMail(mailbox, folder string, mime []byte) error {
	return s.core.Load().graph.DeliverMIME(mailbox, folder, mime)
}

// ChangeFile makes, opens, labels or seals a file in a person's OneDrive: POST /file.
func (s *Sim) ChangeFile(f FileChange) error { return s.core.Load().graph.ChangeFile(f) }

// ReceiveUploads has every upload session of drives receive so many bytes, all of them zeroes: POST /uploads.
func (s *Sim) ReceiveUploads(received int64) error {
	return s.core.Load().graph.ReceiveUploads(received)
}

// Assign gives a person or group app roles of an application, and takes the others of it away: POST /assign.
func (s *Sim) Assign(tenant, clientID, to string, roles ...string) error {
	c := s.core.Load()
	t, ok := c.world.Tenant(tenant)
	if !ok {
		return fmt.Errorf("there is no tenant %q", tenant)
	}
	return c.world.Assign(t.ID, clientID, to, roles...)
}

// SetLimits scales the throttling: POST /limits. Fields left zero stay as they are.
func (s *Sim) SetLimits(l Limits) error {
	_, err := s.core.Load().graph.SetLimits(l)
	return err
}

// FederatedToken makes a token of the built-in external identity provider: GET /federated-token.
func (s *Sim) FederatedToken(subject string) (string, error) {
	if subject == "" {
		subject = world.ExternalSubject
	}
	return s.core.Load().entra.FederatedToken(subject, time.Hour)
}

// Reset starts the world over from its file: POST /reset. Keys, certificates and addresses stay.
func (s *Sim) Reset() error {
	s.resetMu.Lock()
	defer s.resetMu.Unlock()
	old := s.core.Load()
	old.graph.Close()
	if err := old.world.Close(); err != nil {
		return err
	}
	if err := world.Forget(old.world.Dir); err != nil {
		return err
	}
	c, err := s.open()
	if err != nil {
		return err
	}
	s.core.Store(c)
	return c.writeFederated()
}

func (s *Sim) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Requests(), nil) })
	mux.HandleFunc("GET /counters", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Counters(), nil) })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Ready(), nil) })
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.core.Load().faults.List(), nil) })
	mux.HandleFunc("GET /state/{tenant}/{collection}", func(w http.ResponseWriter, r *http.Request) {
		v, err := s.State(r.PathValue("tenant"), r.PathValue("collection"))
		answer(w, v, err)
	})
	mux.HandleFunc("GET /federated-token", func(w http.ResponseWriter, r *http.Request) {
		t, err := s.FederatedToken(r.URL.Query().Get("subject"))
		answer(w, map[string]string{"token": t}, err)
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) { s.ClearFaults(); done(w, nil) })
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) { done(w, s.Reset()) })
	mux.HandleFunc("POST /faults", post(s.Fault))
	mux.HandleFunc("POST /limits", post(s.SetLimits))
	mux.HandleFunc("POST /file", post(s.ChangeFile))
	mux.HandleFunc("POST /uploads", post(func(in struct{ Received int64 }) error { return s.ReceiveUploads(in.Received) }))
	mux.HandleFunc("POST /assign", post(func(in struct {
		Tenant, App, To string
		Roles           []string
	}) error {
		return s.Assign(in.Tenant, in.App, in.To, in.Roles...)
	}))
	mux.HandleFunc("POST /clock", post(func(in struct{ Advance string }) error {
		d, err := time.ParseDuration(in.Advance)
		if err != nil {
			return err
		}
		return s.Advance(d)
	}))
	mux.HandleFunc("POST /mail", post(func(in struct {
		Mailbox, Folder string
		MIME            string `json:"mime_base64"`
	}) error {
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(in.MIME))
		if err != nil {
			return fmt.Errorf("mime_base64: %w", err)
		}
		return s.DeliverMail(in.Mailbox, in.Folder, b)
	}))
	return mux
}

// post decodes a JSON body and answers 204, or 400 with the reason.
func post[T any](do func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			done(w, err)
			return
		}
		done(w, do(in))
	}
}

func done(w http.ResponseWriter, err error) {
	if err != nil {
		answer(w, nil, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		v = map[string]string{"error": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(v) // the client went away
}
