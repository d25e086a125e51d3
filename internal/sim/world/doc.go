// Package world is the state of the simulated cloud: tenants, people, apps, mailboxes and what is in them, as JSON objects in collections.
// Owns: the store with its journal (a killed simulator resumes), the seeded worlds (contoso, large), keys and ids made from the seed.
// Imports: the standard library, YAML, and m365/table's raw text with a reader of its own. Never a client package.
package world
