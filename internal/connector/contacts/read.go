package contacts

import (
	"context"
	"net/mail"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ListIn asks for the contacts of a folder.
type ListIn struct {
	Mailbox
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
	_, err := cursor.Read(in.Cursor, in.question()...)
	return err
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
	Mailbox
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
	Mailbox
	Folder string `json:"folder,omitempty" doc:"Folder by id; the default one without"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many changes a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer; everything there is without"`
}

func (in ChangeListIn) question() []any { return []any{"changes", in.User, in.Folder} }

// Check finds a foreign cursor.
func (in ChangeListIn) Check() error {
	_, err := cursor.Read(in.Cursor, in.question()...)
	return err
}

// Changes are one page of what changed.
type Changes struct {
	Contacts   []Summary `json:"contacts" doc:"New and changed ones, as they are now"`
	Removed    []string  `json:"removed" doc:"Ids of contacts that left the folder"`
	NextCursor string    `json:"next_cursor" doc:"Where to go on, now or any time later"`
	Complete   bool      `json:"complete" doc:"That is all for now"`
	Reset      bool      `json:"reset,omitempty" doc:"Microsoft had forgotten the cursor: this begins anew with everything there is, so what does not come is gone"`
}

// ContactIn names one contact.
type ContactIn struct {
	Mailbox
	Contact string `json:"contact" minLength:"1" doc:"Id of the contact"`
}

func (in ContactIn) at(c action.Call) (place, graph.Path, error) {
	box, err := in.in(c)
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
	out := List{Contacts: []Summary{}}
	box, err := in.in(c)
	if err != nil {
		return out, err
	}
	from, err := cursor.Read(in.Cursor, in.question()...)
	if err != nil {
		return out, err
	}
	opts := []graph.Option{graph.Select(summaryFields...), graph.Top(orDefault(in.Limit, 50))}
	if in.Email != "" { // the one filter that the page documents (user-list-contacts.md)
		opts = append(opts, graph.Filter("emailAddresses/any(a:a/address eq "+graph.Quote(in.Email)+")"))
	}
	list, next, err := graph.ListPage[graph.Contact](ctx, box.g, box.ContactsIn(in.Folder), from, opts...)
	for err == nil && len(list) == 0 && next != "" { // an empty page need not be the last (concepts/paging.md)
		list, next, err = graph.ListPage[graph.Contact](ctx, box.g, box.ContactsIn(in.Folder), next, opts...)
	}
	if err != nil {
		return out, err
	}
	for _, k := range list {
		out.Contacts = append(out.Contacts, summaryOf(k))
	}
	out.NextCursor = cursor.Write(next, in.question()...)
	return out, nil
}

func orDefault(limit, otherwise int) int {
	if limit == 0 {
		return otherwise
	}
	return limit
}

func changesOf(ctx context.Context, c action.Call, in ChangeListIn) (Changes, error) {
	out := Changes{Contacts: []Summary{}, Removed: []string{}}
	box, err := in.in(c)
	if err != nil {
		return out, err
	}
	from, err := cursor.Read(in.Cursor, in.question()...)
	if err != nil {
		return out, err
	}
	folder := in.Folder
	if folder == "" {
		if folder, err = box.defaultFolder(ctx); err != nil {
			return out, err
		}
	}
	page, next, err := graph.DeltaPage[graph.Contact](ctx, box.g, box.ContactsIn(folder), from, orDefault(in.Limit, 100), graph.Select(summaryFields...))
	if err != nil {
		return out, err
	}
	if len(page.Broken) > 0 {
		return out, page.Broken[0].Err
	}
	for _, k := range page.Items {
		out.Contacts = append(out.Contacts, summaryOf(k))
	}
	for _, gone := range page.Removed {
		out.Removed = append(out.Removed, gone.ID)
	}
	out.NextCursor, out.Complete, out.Reset = cursor.Write(next, in.question()...), page.Last, page.Reset
	return out, nil
}

// defaultFolder finds the id of the mailbox's own folder, which no list names: changes are told folder by folder (contact-delta.md), and a
// walk of all contacts stands in Microsoft's metadata but in no page (graph/FACTS §14).
func (p place) defaultFolder(ctx context.Context) (string, error) {
	k, found, err := once.First[graph.Contact](ctx, p.g, p.Contacts(), graph.Select("id", "parentFolderId"), graph.Top(1))
	if err != nil || found {
		return k.ParentFolderID, err
	}
	f, found, err := once.First[graph.ContactFolder](ctx, p.g, p.ContactFolders(), folderFields, graph.Top(1))
	if err != nil || found {
		return f.ParentFolderID, err
	}
	return "", &fault.Error{Kind: fault.NotFound, Code: "default_folder_unknown", Message: "The mailbox has neither a contact nor a contact folder yet, so Microsoft does not tell which its default folder is",
		Fix: "Try again when there is a contact in it, or name a folder", Who: "you"}
}

func getContact(ctx context.Context, c action.Call, in ContactIn) (Contact, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Contact{}, err
	}
	k, err := graph.Get[graph.Contact](ctx, box.g, path, graph.Select(contactFields...))
	return contactOf(k), err
}
