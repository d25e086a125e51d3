package admin

import (
	"context"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/audit"
)

// AuditFilter is what list and export have in common.
type AuditFilter struct {
	Actor   string    `json:"actor,omitempty" doc:"Only what this one did: person:NAME, apikey:NAME, local:USER, or the name alone"`
	Action  string    `json:"action,omitempty" doc:"Only this action, or all whose names begin with it: mail, connection.rotate"`
	Target  string    `json:"target,omitempty" doc:"Only what was done to this id"`
	Outcome string    `json:"outcome,omitempty" doc:"Only with this outcome, such as done or refused"`
	Run     string    `json:"run,omitempty" doc:"Only of this run"`
	Since   time.Time `json:"since,omitzero" doc:"Only from this time on"`
	Until   time.Time `json:"until,omitzero" doc:"Only before this time"`
}

func (f AuditFilter) query() audit.Query {
	return audit.Query{Actor: f.Actor, Action: f.Action, Target: f.Target, Outcome: f.Outcome, Run: f.Run, Since: f.Since, Until: f.Until}
}

type auditIn struct {
	AuditFilter
	Before int64 `json:"before,omitempty" doc:"Only entries before this sequence number"`
	Limit  int   `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"At most so many; 50 without"`
}

type auditOut struct {
	Entries []audit.Entry `json:"entries"`
}

type auditExport struct {
	AuditFilter
	Format     audit.Format `json:"format,omitempty" enum:"jsonl,csv" doc:"jsonl, one entry a line, or csv; jsonl without"`
	Pseudonyms bool         `json:"pseudonyms,omitempty" doc:"Leave the names out: the pseudonyms that the hashes were made with stand instead"`
}

// medium is the media type of each format.
var medium = map[audit.Format]string{audit.JSONL: "application/jsonl", audit.CSV: "text/csv; charset=utf-8"}

func (h *Hub) auditActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "audit.list", Summary: "List the newest entries of the audit record.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite,
			Route: "GET /audit"}, func(ctx context.Context, _ action.Call, in auditIn) (auditOut, error) {
			q := in.query()
			q.Before, q.Limit = in.Before, orDefault(in.Limit)
			entries, err := h.Audit.Find(ctx, q)
			return auditOut{append([]audit.Entry{}, entries...)}, err
		}),
		action.Define(action.Spec{Name: "audit.export", Summary: "Export the audit record, oldest entry first.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite,
			Route: "GET /audit/export", Streams: []string{"application/jsonl", "text/csv"}}, h.exportAudit),
		action.Define(action.Spec{Name: "audit.verify", Summary: "Check the chain of the audit record, its checkpoints and its seal.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /audit/verify"}, func(ctx context.Context, _ action.Call, _ none) (audit.Verdict, error) {
			return h.Audit.Verify(ctx)
		}),
	}
}

// exportAudit writes the record out. That it was is an entry itself, before anything leaves.
func (h *Hub) exportAudit(ctx context.Context, c action.Call, in auditExport) (none, error) {
	if in.Format == "" {
		in.Format = audit.JSONL
	}
	asked := audit.Entry{Actor: c.Caller.String(), Action: "audit.export", Target: "audit", Outcome: "asked", Detail: map[string]any{"format": in.Format, "pseudonyms": in.Pseudonyms}}
	if err := h.Audit.Note(ctx, asked); err != nil {
		return none{}, err
	}
	_, err := h.Audit.Copy(ctx, c.Out(action.Bytes{Media: medium[in.Format], Name: "audit." + string(in.Format)}), in.Format, in.query(), in.Pseudonyms)
	return none{}, err
}
