package dispatch

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/audit"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Intake is an address to which a planning system posts slots, each call signed.
type Intake struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	URL        string    `json:"url" doc:"Where calls go"`
	Connection string    `json:"connection,omitempty" doc:"Id of the connection of slots that name none"`
	Source     string    `json:"source,omitempty" doc:"Source of slots that name none"`
	TwoSecrets time.Time `json:"both_secrets_until,omitzero" doc:"Until then the secret before the last one is good as well"`
	MadeAt     time.Time `json:"made_at"`
	MadeBy     string    `json:"made_by"`
	CalledAt   time.Time `json:"called_at,omitzero" doc:"When a call was last taken; never, where it is missing"`
	RefusedAt  time.Time `json:"refused_at,omitzero" doc:"When a call was last refused, to the minute"`
	Refused    string    `json:"refused,omitempty" doc:"Why, as a code: seneschal explain CODE"`
}

// IntakeMade is an intake with its secret, which is shown once.
type IntakeMade struct {
	Intake
	Secret string `json:"secret" doc:"Signs every call, as Standard Webhooks has it; shown once"`
}

type intakeIn struct {
	Name       string `json:"name" minLength:"1" maxLength:"100" doc:"What the planning system is called here"`
	Connection string `json:"connection,omitempty" doc:"Connection of slots that name none, by id or name; without, the one that lists the technician's mailbox for dispatch"`
	Source     string `json:"source,omitempty" maxLength:"100" doc:"Source of slots that name none"`
}

type intakeName struct {
	Name string `json:"name" doc:"Name or id of the intake"`
}

type intakeRotate struct {
	Name    string `json:"name" doc:"Name or id of the intake"`
	Overlap string `json:"overlap,omitempty" doc:"How long the old secret is good as well, such as 48h; a day without"`
}

type intakesOut struct {
	Intakes []Intake `json:"intakes"`
}

const (
	intakeOverlap = 24 * time.Hour
	intakePath    = "/notify/dispatch/"
	// clocksApart is how far a letter's timestamp may lie ahead of our clock: as far as the one that its signature covers.
	clocksApart = 5 * time.Minute
	// keepCalls is how long a call's id is remembered: whoever repeats it, as our answer was lost, says nothing new. Senders give up within
	// three days (Standard Webhooks, "Deliverability and reliability").
	keepCalls = 7 * 24 * time.Hour
)

func intakeRef(id, which string) string { return "dispatch_intake/" + id + "/" + which }

func (e *Engine) intakeActions() []action.Action {
	return []action.Action{
		action.Define(spec("dispatch.intake.list", "List the addresses to which planning systems post slots.", action.Reads, access.HubWrite, "GET /dispatch/intakes"),
			func(ctx context.Context, _ action.Call, _ struct{}) (intakesOut, error) {
				all, err := store.Select(ctx, e.Store.Reader(), e.scanIntake, "select "+intakeColumns+" from dispatch_intake order by name")
				return intakesOut{append([]Intake{}, all...)}, err
			}),
		action.Define(spec("dispatch.intake.add", "Make an address to which a planning system posts signed slots; its secret is shown once.", action.Writes, access.HubWrite, "POST /dispatch/intakes", "name"), e.addIntake),
		action.Define(spec("dispatch.intake.rotate", "Give an intake a new secret, shown once; for a while both are good.", action.Writes, access.HubWrite, "POST /dispatch/intakes/{name}/rotate", "name"), e.rotateIntake),
		action.Define(spec("dispatch.intake.remove", "End an address to which slots are posted; its slots stay.", action.Deletes, access.HubWrite, "DELETE /dispatch/intakes/{name}", "name"), e.removeIntake),
	}
}

const intakeColumns = "id, name, connection, source, previous_until, made_at, made_by, called_at, refused_at, refused"

func (e *Engine) scanIntake(s store.Scanner) (i Intake, err error) {
	var previous, made, called, refused int64
	err = s.Scan(&i.ID, &i.Name, &i.Connection, &i.Source, &previous, &made, &i.MadeBy, &called, &refused, &i.Refused)
	i.URL, i.TwoSecrets, i.MadeAt, i.CalledAt, i.RefusedAt = e.Base()+intakePath+i.ID, store.Time(previous), store.Time(made), store.Time(called), store.Time(refused)
	return i, err
}

func (e *Engine) intake(ctx context.Context, q store.Querier, idOrName string) (Intake, error) {
	i, err := e.scanIntake(q.QueryRowContext(ctx, "select "+intakeColumns+" from dispatch_intake where id = $1 or name = $2", idOrName, idOrName))
	if store.IsNoRows(err) {
		return i, fault.Missing("intake", idOrName)
	}
	return i, err
}

func (e *Engine) addIntake(ctx context.Context, c action.Call, in intakeIn) (IntakeMade, error) {
	in.Name = strings.TrimSpace(in.Name)
	if in.Name == "" || strings.Contains(in.Name, "/") {
		return IntakeMade{}, fault.BadField("name", "must have 1 to 100 characters, without a slash")
	}
	if in.Connection != "" {
		found, err := e.Connections.Lookup(ctx, in.Connection)
		if err != nil {
			return IntakeMade{}, err
		}
		in.Connection = found.ID
	}
	now, secret := e.Clock.Now(), event.NewSecret()
	id := store.NewID(now)
	made := IntakeMade{Secret: secret.Reveal()}
	err := e.Store.InTx(ctx, "dispatch.intake", func(tx *store.Tx) (err error) {
		if _, err = tx.ExecContext(ctx, "insert into dispatch_intake (id, name, connection, source, previous_until, made_at, made_by, called_at, refused_at, refused) values ($1, $2, $3, $4, 0, $5, $6, 0, 0, '')",
			id, in.Name, in.Connection, in.Source, store.Millis(now), c.Caller.String()); err != nil {
			return err
		}
		if err = e.Vault.Put(ctx, tx, intakeRef(id, "secret"), secret); err != nil {
			return err
		}
		if made.Intake, err = e.intake(ctx, tx, id); err != nil {
			return err
		}
		return e.intakeSaid(ctx, tx, c.Caller, "add", id)
	})
	if store.IsDuplicate(err) {
		err = &fault.Error{Kind: fault.Conflict, Code: "name_taken", Message: "There is an intake of that name already", Fix: "Use another name", Who: "you"}
	}
	if err != nil {
		return IntakeMade{}, err
	}
	return made, nil
}

func (e *Engine) intakeSaid(ctx context.Context, tx *store.Tx, by access.Caller, what, id string) error {
	return e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "dispatch.intake." + what, Target: "dispatch", Outcome: "done", Detail: map[string]any{"intake": id}})
}

func (e *Engine) rotateIntake(ctx context.Context, c action.Call, in intakeRotate) (IntakeMade, error) {
	overlap := intakeOverlap
	if in.Overlap != "" {
		var err error
		if overlap, err = time.ParseDuration(in.Overlap); err != nil || overlap < 0 || overlap > event.MaxOverlap {
			return IntakeMade{}, fault.BadField("overlap", "%q is not a duration such as 48h, of at most %s", in.Overlap, event.MaxOverlap)
		}
	}
	var made IntakeMade
	err := e.Store.InTx(ctx, "dispatch.intake", func(tx *store.Tx) (err error) {
		if made.Intake, err = e.intake(ctx, tx, in.Name); err != nil {
			return err
		}
		secret, err := event.RotateSecret(ctx, tx, e.Vault, intakeRef(made.ID, "secret"), intakeRef(made.ID, "previous"))
		if err != nil {
			return err
		}
		made.Secret, made.TwoSecrets = secret.Reveal(), e.Clock.Now().Add(overlap)
		if _, err := tx.ExecContext(ctx, "update dispatch_intake set previous_until = $1 where id = $2", store.Millis(made.TwoSecrets), made.ID); err != nil {
			return err
		}
		return e.intakeSaid(ctx, tx, c.Caller, "rotate", made.ID)
	})
	if err != nil {
		return IntakeMade{}, err
	}
	return made, nil
}

func (e *Engine) removeIntake(ctx context.Context, c action.Call, in intakeName) (struct{}, error) {
	return struct{}{}, e.Store.InTx(ctx, "dispatch.intake", func(tx *store.Tx) error {
		i, err := e.intake(ctx, tx, in.Name)
		if err != nil {
			return err
		}
		for _, query := range []string{"delete from dispatch_call where intake = $1", "delete from dispatch_intake where id = $1"} {
			if _, err := tx.ExecContext(ctx, query, i.ID); err != nil {
				return err
			}
		}
		if err := e.Vault.Delete(ctx, tx, "dispatch_intake/"+i.ID); err != nil {
			return err
		}
		return e.intakeSaid(ctx, tx, c.Caller, "remove", i.ID)
	})
}

// Called takes what a planning system posted to an intake, once for each id of a call. Nothing is read before the signature is verified.
func (e *Engine) Called(ctx context.Context, id string, h http.Header, body []byte) (Outcome, error) {
	i, err := e.scanIntake(e.Store.Reader().QueryRowContext(ctx, "select "+intakeColumns+" from dispatch_intake where id = $1", id))
	if store.IsNoRows(err) {
		return Outcome{}, fault.Missing("intake", "this address")
	}
	if err != nil {
		return Outcome{}, err
	}
	out, err := e.called(ctx, i, h, body)
	if err != nil {
		e.noteRefusal(ctx, i, fault.As(err).Code)
	}
	return out, err
}

func (e *Engine) called(ctx context.Context, i Intake, h http.Header, body []byte) (Outcome, error) {
	secrets, err := e.intakeSecrets(ctx, i)
	if err != nil {
		return Outcome{}, err
	}
	message, err := event.Verify(h, body, e.Clock.Now(), secrets...)
	if err != nil {
		return Outcome{}, err
	}
	said, at, err := readCall(body)
	if err == nil {
		err = e.wrongTime(at)
	}
	if err != nil {
		return Outcome{}, err
	}
	b, err := e.batchOf(ctx, ImportIn{Connection: i.Connection, Source: i.Source}, said)
	if err != nil {
		return Outcome{}, err
	}
	b.at, b.intake, b.message = at, i.ID, message
	return e.take(ctx, access.Caller{Kind: "intake", ID: i.ID, Name: i.Name}, b, false)
}

func (e *Engine) intakeSecrets(ctx context.Context, i Intake) ([]vault.Secret, error) {
	secret, err := e.Vault.Get(ctx, e.Store.Reader(), intakeRef(i.ID, "secret"))
	if err != nil || !i.TwoSecrets.After(e.Clock.Now()) {
		return []vault.Secret{secret}, err
	}
	previous, err := e.Vault.Get(ctx, e.Store.Reader(), intakeRef(i.ID, "previous"))
	return []vault.Secret{secret, previous}, err
}

// readCall reads the slots of a call, as a file has them or in the letter of Standard Webhooks: type, timestamp and data. The timestamp is
// when it came to be so: what is known since then stays.
func readCall(body []byte) (all []SlotIn, at time.Time, err error) {
	var letter struct {
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &letter); err == nil && len(letter.Data) > 0 {
		body, at = letter.Data, letter.Timestamp
	}
	if !json.Valid(body) {
		return nil, at, fault.BadField("body", "is not JSON")
	}
	all, err = Read("body", body)
	return all, at, err
}

// wrongTime refuses a letter from the future: whatever is said until then would come too late.
func (e *Engine) wrongTime(at time.Time) error {
	now := e.Clock.Now()
	if !at.After(now.Add(clocksApart)) {
		return nil
	}
	return fault.BadField("timestamp", "lies more than 5 minutes ahead of this hub's clock, which shows %s: it is when the slots came to be so; set the sender's clock, or leave the timestamp out", now.UTC().Format(time.RFC3339))
}

// takeMessage remembers a call's id; taken is false where it came before.
func (e *Engine) takeMessage(ctx context.Context, tx *store.Tx, b batch) (taken bool, err error) {
	if b.intake == "" {
		return true, nil
	}
	now := store.Millis(e.Clock.Now())
	n, err := store.Affected(ctx, tx, "insert into dispatch_call (intake, message, at) values ($1, $2, $3) on conflict (intake, message) do nothing", b.intake, b.message, now)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.ExecContext(ctx, "update dispatch_intake set called_at = $1 where id = $2", now, b.intake)
	return true, err
}

// noteRefusal tells who looks at the list that something calls and is refused. Strangers cannot have it write more than once a minute.
func (e *Engine) noteRefusal(ctx context.Context, i Intake, code string) {
	now := e.Clock.Now()
	if now.Sub(i.RefusedAt) < time.Minute {
		return
	}
	err := e.Store.InTx(ctx, "dispatch.intake", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "update dispatch_intake set refused_at = $1, refused = $2 where id = $3", store.Millis(now), code, i.ID)
		return err
	})
	if err != nil {
		e.Log.ErrorContext(ctx, "a refused call was not noted", "intake", i.ID, "error", err)
	}
}
