// Package admin is the hub's own administration as actions, so that it has the same faces, schemas and rules as everything else.
// Owns: the definitions of connection.*, mailbox.*, person.*, apikey.*, action.*, run.*, audit.*, privacy.*, data.*, access.review, event.*, usage.* and explain. No table.
// Imports: the hall.
package admin
