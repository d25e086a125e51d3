// Package audit is the record of what was done: append-only, each entry chained to the one before by its hash.
// Owns: tables audit_entry, audit_head, audit_name and audit_checkpoint, and the signing key audit/signing in the vault.
// Imports: store, vault, clock, custody and the dictionary.
//
// The chain holds pseudonyms; the names lie in audit_name beside it and can be erased without breaking the chain.
//
// A hash alone could be computed anew by whoever writes to the database. So the head, and a checkpoint a day, are signed with a key that
// lies sealed in the vault: without the master key nobody can change, cut or replace the record unseen. Entries past their retention are
// removed below a checkpoint alone, and the head says up to which. What this cannot show is a database put back whole to an earlier
// moment: the log's line of the last checkpoint, kept elsewhere, shows that.
package audit
