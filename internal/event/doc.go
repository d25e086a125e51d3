// Package event tells others what happened: it records events in the transaction that made them true, numbers them once they are
// committed, and hands them out as a list, a live stream, and signed webhooks.
// Owns: tables event_entry, event_head (the last number), event_webhook, event_delivery (the ledger of webhook calls), the job
// event.deliver, and the rule which addresses a webhook may reach.
// Imports: store, custody, vault, clock, audit and the dictionary.
//
// An event is told in the order of its number, and a number is given after the commit: whoever has read up to a number has missed
// nothing before it, whatever the order in which transactions of several hubs ended.
//
// What a webhook is promised: every event of its filter at least once, under one id that never changes; events about the same thing
// (Event.About) in their order, a later one waiting until the earlier one was taken or given up as a dead letter. Nothing is promised
// about the order of events about different things.
package event
