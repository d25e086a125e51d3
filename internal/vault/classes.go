package vault

import "seneschal/internal/custody"

// Classes say what the vault keeps.
func Classes() []custody.Class {
	return []custody.Class{{Name: "secrets", Title: "Secrets", What: "Credentials and tokens of connections, the hub's own keys: each sealed, bound to its row", Whose: "a delegated connection's owner",
		Tables: []string{"vault_keyset", "vault_secret"}, Seen: custody.Nobody, Ends: "with the connection", Export: custody.NotIn, Erase: "those of the person's own connections go with them"}}
}
