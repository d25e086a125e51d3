package mail

import (
	"fmt"
	"net/mail"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Person is a name with an address.
type Person struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
}

func personOf(r graph.Recipient) Person { return Person(r.EmailAddress) }

func personsOf(list []graph.Recipient) []Person {
	out := make([]Person, len(list))
	for i, r := range list {
		out[i] = personOf(r)
	}
	return out
}

// recipients reads addresses as people write them: ada@contoso.example, or Ada Lovelace <ada@contoso.example>. A nil list stays nil:
// in a change it leaves what is there.
func recipients(list []string) []graph.Recipient {
	if list == nil {
		return nil
	}
	out := make([]graph.Recipient, 0, len(list))
	for _, text := range list {
		if a, err := mail.ParseAddress(text); err == nil {
			out = append(out, graph.Recipient{EmailAddress: graph.EmailAddress{Name: a.Name, Address: a.Address}})
		}
	}
	return out
}

// fromShared names as sender the mailbox that was shared with whoever signed in, as Microsoft wants it (outlook-send-mail-from-other-user.md).
// Anybody else sends from the mailbox itself.
func fromShared(c action.Call, user string) *graph.Recipient {
	if c.Connection.Kind != m365.Delegated {
		return nil
	}
	m, listed := c.Bound.Connection.LookupMailbox(user)
	if !listed {
		return nil
	}
	return &graph.Recipient{EmailAddress: graph.EmailAddress{Address: m.Address}}
}

// notAddresses names the entries of a list that recipients cannot read.
func notAddresses(field string, list []string) []fault.Field {
	var wrong []fault.Field
	for i, text := range list {
		if _, err := mail.ParseAddress(text); err != nil {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("%s[%d]", field, i), Message: "is not an address like ada@contoso.example or Ada Lovelace <ada@contoso.example>"})
		}
	}
	return wrong
}
