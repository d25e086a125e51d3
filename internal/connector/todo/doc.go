// Package todo reads and writes the task lists of Microsoft To Do, their tasks, the steps of a task and its links to other programs.
// Owns: the actions todo.*, and the probe of the capability that works on tasks. No table of the database.
// Imports: m365, fault, graph, action, once, cursor, place, recurrence. No other connector, no store, no feed.
//
// A new task carries a link of ours whose externalId is the mark of its idempotency key: To Do has no transactionId, and its tasks have no
// extended properties in Microsoft's contract. Lists and steps have no place for a mark; they are told from what there was before.
//
// For apps Microsoft's permission data have Tasks.Read.All and Tasks.ReadWrite.All; some of its older pages say that To Do is for people only.
// The probe tells what a tenant really answers.
package todo
