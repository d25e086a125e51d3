package contacts

import (
	"cmp"
	"context"
	"net/mail"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ListIn asks for the contacts of a folder.
type ListIn struct {
	place.Mailbox
	Folder string `json:"folder,omitempty" doc:"Folder by id; the default one without"`
	Email  string `json:"email,omitempty" doc:"Only contacts with this address"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many; 50 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of the page before"`
}

func (in ListIn) question() []any { return []any{"list", in.User, in.Folder, in.Email, in.Limit} }

// Check finds an address that is none, and a foreign cursor.
func (in ListIn) Check() error {
	if in.Email != "" && !isAddress(in.Email) {
		return fault.BadField("email", "is not an address like ada@contoso.example")
	}
	return cursor.Check(in.Cursor, in.question()...)
}

func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}

// List is a page of contacts, in Outlook's own order.
type List struct {
	Contacts   []Summary `json:"contacts"`
	NextCursor string    `json:"next_cursor,omitempty"`
}

// SearchIn asks for the contacts that say something.
type SearchIn struct {
	place.Mailbox
	Text   string `json:"text" minLength:"1" maxLength:"255" doc:"Words that shall all stand somewhere in names, company, job title, addresses, phone numbers or categories; case does not matter"`
	Folder string `json:"folder,omitempty" doc:"Folder by id; the default one and all others without"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many; 50 without"`
}

// Check finds a search for nothing.
func (in SearchIn) Check() error {
	if len(strings.Fields(in.Text)) == 0 {
		return fault.BadField("text", "has no word")
	}
	return nil
}

// Found is what a search found.
type Found struct {
	Contacts  []Summary `json:"contacts"`
	Looked    int       `json:"looked" doc:"Contacts that were looked at"`
	Truncated bool      `json:"truncated,omitempty" doc:"There may be more: narrow the search, or raise limit"`
}

// ChangeListIn asks for what changed in a folder.
type ChangeListIn struct {
	place.Mailbox
	Folder string `json:"folder,omitempty" doc:"Folder by id; the default one without"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many changes a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer; everything there is without"`
}

func (in ChangeListIn) question() []any { return []any{"changes", in.User, in.Folder} }

// Check finds a foreign cursor.
func (in ChangeListIn) Check() error {
	return cursor.Check(in.Cursor, in.question()...)
}

// Changes are one page of what changed.
type Changes struct {
	Contacts []Summary `json:"contacts" doc:"New and changed ones, as they are now"`
	Removed  []string  `json:"removed" doc:"Ids of contacts that left the folder"`
	cursor.Progress
}

// ContactIn names one contact.
type ContactIn struct {
	place.Mailbox
	Contact string `json:"contact" minLength:"1" doc:"Id of the contact"`
}

func (in ContactIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, err := in.In(c)
	return box, box.Contact(in.Contact), err
}

func readActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "contact.list", Summary: "List the contacts of a folder.", Effect: action.Reads,
			Operations: []m365.OperationKey{listContacts, listInFolder}, Capability: m365.Contacts}, contactsOf),
		action.Define(action.Spec{Name: "contact.search", Summary: "Find contacts by words, in one folder or in all.", Effect: action.Reads,
			Operations: []m365.OperationKey{listContacts, listInFolder, listFolders, listChildren}, Capability: m365.Contacts, Args: []string{"text"}}, search),
		action.Define(action.Spec{Name: "contact.change.list", Summary: "List what changed in a folder since last time.", Effect: action.Reads,
			Operations: []m365.OperationKey{walkFolder, listContacts, listFolders}, Capability: m365.Contacts}, changesOf),
		action.Define(action.Spec{Name: "contact.get", Summary: "Read one contact with its addresses and notes.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readContact}, Capability: m365.Contacts, Args: []string{"contact"}}, getContact),
	}
}

func contactsOf(ctx context.Context, c action.Call, in ListIn) (List, error) {
	box, err := in.In(c)
	if err != nil {
		return List{}, err
	}
	opts := []graph.Option{graph.Select(summaryFields...), graph.Top(cmp.Or(in.Limit, 50))}
	if in.Email != "" { // the one filter that the page documents (user-list-contacts.md)
		opts = append(opts, graph.Filter("emailAddresses/any(a:a/address eq "+graph.Quote(in.Email)+")"))
	}
	list, next, err := cursor.Page(ctx, cursor.Start{Graph: box.Graph, Path: box.ContactsIn(in.Folder), Text: in.Cursor, Question: in.question()}, summaryOf, opts...)
	return List{list, next}, err
}

func changesOf(ctx context.Context, c action.Call, in ChangeListIn) (Changes, error) {
	box, err := in.In(c)
	if err != nil {
		return Changes{}, err
	}
	folder := in.Folder
	if folder == "" {
		if folder, err = defaultFolder(ctx, box); err != nil {
			return Changes{}, err
		}
	}
	from := cursor.Start{Graph: box.Graph, Path: box.ContactsIn(folder), Text: in.Cursor, Question: in.question()}
	out, err := cursor.Changes(ctx, from, summaryOf, []graph.Option{graph.PageSize(cmp.Or(in.Limit, 100))}, graph.Select(summaryFields...))
	return Changes{out.Items, out.Removed, out.Progress}, err
}

const unknownDefault = "default_folder_unknown"

// defaultFolder finds the id of the mailbox's own folder, which no list names: changes are told folder by folder (contact-delta.md), and a
// walk of all contacts stands in Microsoft's metadata but in no page (graph/FACTS §14).
func defaultFolder(ctx context.Context, box place.Place) (string, error) {
	k, found, err := once.First[graph.Contact](ctx, box.Graph, box.Contacts(), graph.Select("id", "parentFolderId"), graph.Top(1))
	if err != nil || found {
		return k.ParentFolderID, err
	}
	f, found, err := once.First[graph.ContactFolder](ctx, box.Graph, box.ContactFolders(), folderFields, graph.Top(1))
	if err != nil || found {
		return f.ParentFolderID, err
	}
	return "", &fault.Error{Kind: fault.NotFound, Code: unknownDefault, Message: "The mailbox has neither a contact nor a contact folder yet, so Microsoft does not tell which its default folder is",
		Fix: "Try again when there is a contact in it, or name a folder", Who: "you"}
}

func getContact(ctx context.Context, c action.Call, in ContactIn) (Contact, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Contact{}, err
	}
	k, err := graph.Get[graph.Contact](ctx, box.Graph, path, graph.Select(contactFields...))
	return contactOf(k), err
}
