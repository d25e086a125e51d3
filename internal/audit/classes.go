package audit

import "seneschal/internal/custody"

// Classes say what the record keeps.
func (l *Log) Classes() []custody.Class {
	return []custody.Class{{Name: "audit", Title: "Audit record", What: "Who did what to what, when, with which outcome; every look at a body. No body, no secret, no address of an outside contact",
		Whose: "the people and keys that act", Tables: []string{"audit_entry", "audit_name", "audit_head", "audit_checkpoint"}, Seen: custody.AdminsOnly, Setting: "RETENTION_AUDIT",
		Ends: "below a signed checkpoint; the rest stays proven", Export: "privacy export (a person's entries), audit export (all)", Erase: "the name goes; the entries stay under a pseudonym, and the chain whole", Prune: l.Retire}}
}
