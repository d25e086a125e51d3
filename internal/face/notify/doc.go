// Package notify is the door for Microsoft's notifications. It shakes hands, reads what came, and says which feeds are awake; it believes
// nothing and reads no content. The answer 202 is given when the wake-up is durable.
// Owns: the route /notify/graph. No table.
// Imports: feed, fault, m365. Never graph: what a notification says is looked up, not taken.
package notify
