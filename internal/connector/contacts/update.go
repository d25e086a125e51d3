package contacts

import (
	"context"
	"encoding/json"
	"reflect"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/etag"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Version ties an action to the contact as its caller saw it.
type Version struct {
	IfMatch string `json:"if_match,omitempty" maxLength:"500" doc:"The etag that a read gave: a contact that has changed since is left alone, and the fault says so"`
}

var ofContact = etag.Of{Thing: "contact", Read: "contact.get"}

// UpdateIn changes a contact. What is left out stays.
type UpdateIn struct {
	ContactIn
	Version
	Details
}

// Check wants something to change, and names every field that cannot be.
func (in UpdateIn) Check() error {
	wrong := append(in.wrong(), ofContact.Wrong(in.IfMatch)...)
	if in.Details == (Details{}) {
		wrong = append(wrong, fault.Field{Name: "display_name", Message: "nothing is to be changed: give at least one field beside contact"})
	}
	return fault.OfFields(wrong)
}

// DeleteIn deletes a contact.
type DeleteIn struct {
	ContactIn
	Version
}

// Check finds a version that is none.
func (in DeleteIn) Check() error { return fault.OfFields(ofContact.Wrong(in.IfMatch)) }

// update says how it shall be, so it may be sent twice.
func update(ctx context.Context, c action.Call, in UpdateIn) (Contact, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Contact{}, err
	}
	k, err := graph.Patch[graph.Contact](ctx, box.Graph, path, in.change(), append(etag.Options(in.IfMatch), graph.Idempotent())...)
	return contactOf(k), ofContact.Refused(in.IfMatch, err)
}

// updated answers an unclear update by another. With a version that one alone could not tell its own first try from somebody else's change:
// the contact is looked at first.
func updated(ctx context.Context, c action.Call, in UpdateIn) (Contact, action.Answer, error) {
	if in.IfMatch != "" {
		k, err := getContact(ctx, c, in.ContactIn)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return Contact{}, action.NotStarted, nil
		case err != nil:
			return Contact{}, action.StillOpen, err
		case k.ETag != in.IfMatch && in.heldBy(k):
			return k, action.Happened, nil
		case k.ETag != in.IfMatch:
			return Contact{}, action.StillOpen, nil // somebody else changed it too: what became of ours cannot be told from it
		}
	}
	return once.Again(update(ctx, c, in))
}

// heldBy reports whether the contact is as the update wants it. Both say the same by the same names; null wants nothing there.
func (d Details) heldBy(k Contact) bool {
	wanted, has := fields(d), fields(k)
	for name, want := range wanted {
		if !reflect.DeepEqual(want, has[name]) && (!empty(want) || !empty(has[name])) {
			return false
		}
	}
	return true
}

func fields(v any) map[string]any {
	var out map[string]any
	text, _ := json.Marshal(v)     // texts and lists of them always encode
	_ = json.Unmarshal(text, &out) // what was encoded as an object is one
	return out
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func remove(ctx context.Context, c action.Call, in DeleteIn) (Deleted, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Deleted{}, err
	}
	return Deleted{in.Contact}, ofContact.Refused(in.IfMatch, graph.Delete(ctx, box.Graph, path, etag.Options(in.IfMatch)...))
}
