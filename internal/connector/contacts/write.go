package contacts

import (
	"context"
	"fmt"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Details are what a new contact may have and a change may touch. In a change null takes away what is there. The numbers of addresses and
// phones are those of Outlook's own slots (dav/FACTS §5).
type Details struct {
	DisplayName     action.Nullable[string]   `json:"display_name,omitzero" maxLength:"255" doc:"Name as shown; Outlook makes one of the other names without"`
	FileAs          action.Nullable[string]   `json:"file_as,omitzero" maxLength:"255" doc:"Name to sort by; Outlook makes one without"`
	Title           action.Nullable[string]   `json:"title,omitzero" maxLength:"255" doc:"In front of the name, such as Dr."`
	GivenName       action.Nullable[string]   `json:"given_name,omitzero" maxLength:"255" doc:"Given name"`
	MiddleName      action.Nullable[string]   `json:"middle_name,omitzero" maxLength:"255" doc:"Middle name"`
	Surname         action.Nullable[string]   `json:"surname,omitzero" maxLength:"255" doc:"Family name"`
	Suffix          action.Nullable[string]   `json:"suffix,omitzero" maxLength:"255" doc:"Behind the name, such as Jr."`
	Nickname        action.Nullable[string]   `json:"nickname,omitzero" maxLength:"255" doc:"Nickname"`
	Company         action.Nullable[string]   `json:"company,omitzero" maxLength:"255" doc:"Company"`
	Department      action.Nullable[string]   `json:"department,omitzero" maxLength:"255" doc:"Department"`
	JobTitle        action.Nullable[string]   `json:"job_title,omitzero" maxLength:"255" doc:"Job title"`
	Profession      action.Nullable[string]   `json:"profession,omitzero" maxLength:"255" doc:"Profession"`
	Office          action.Nullable[string]   `json:"office,omitzero" maxLength:"255" doc:"Where the office is"`
	Manager         action.Nullable[string]   `json:"manager,omitzero" maxLength:"255" doc:"Name of the manager"`
	Assistant       action.Nullable[string]   `json:"assistant,omitzero" maxLength:"255" doc:"Name of the assistant"`
	Spouse          action.Nullable[string]   `json:"spouse,omitzero" maxLength:"255" doc:"Name of the spouse"`
	Children        action.Nullable[[]string] `json:"children,omitzero" maxItems:"25" doc:"Names of the children, the whole list"`
	Birthday        action.Nullable[string]   `json:"birthday,omitzero" doc:"Date, like 1979-02-28"`
	Emails          action.Nullable[[]Email]  `json:"emails,omitzero" maxItems:"3" doc:"Addresses, the whole list, the first one first"`
	BusinessPhones  action.Nullable[[]string] `json:"business_phones,omitzero" maxItems:"2" doc:"Phones at work, the whole list"`
	HomePhones      action.Nullable[[]string] `json:"home_phones,omitzero" maxItems:"2" doc:"Phones at home, the whole list"`
	MobilePhone     action.Nullable[string]   `json:"mobile_phone,omitzero" maxLength:"255" doc:"Mobile phone"`
	IMAddresses     action.Nullable[[]string] `json:"im_addresses,omitzero" maxItems:"3" doc:"Addresses for instant messages, the whole list"`
	Website         action.Nullable[string]   `json:"website,omitzero" maxLength:"2000" doc:"Web page at work"`
	BusinessAddress action.Nullable[Address]  `json:"business_address,omitzero" doc:"Postal address at work, the whole of it"`
	HomeAddress     action.Nullable[Address]  `json:"home_address,omitzero" doc:"Postal address at home, the whole of it"`
	OtherAddress    action.Nullable[Address]  `json:"other_address,omitzero" doc:"Another postal address, the whole of it"`
	Notes           action.Nullable[string]   `json:"notes,omitzero" maxLength:"32000" doc:"Notes in plain text"`
	Categories      action.Nullable[[]string] `json:"categories,omitzero" maxItems:"25" doc:"Categories, the whole list"`
}

// CreateIn is a new contact.
type CreateIn struct {
	place.Mailbox
	Folder string `json:"folder,omitempty" doc:"Folder by id; the default one without"`
	Details
}

// Check wants something to call the contact by, and names every field that cannot be.
func (in CreateIn) Check() error {
	wrong := in.wrong()
	named := in.DisplayName.Or("") + in.GivenName.Or("") + in.Surname.Or("") + in.Company.Or("")
	if named == "" && len(in.Emails.Or(nil)) == 0 {
		wrong = append(wrong, fault.Field{Name: "display_name", Message: "is missing: give display_name, given_name, surname, company or emails"})
	}
	return fault.OfFields(wrong)
}

func (d Details) wrong() []fault.Field {
	var out []fault.Field
	for i, e := range d.Emails.Or(nil) {
		if !isAddress(e.Address) {
			out = append(out, fault.Field{Name: fmt.Sprintf("emails[%d].address", i), Message: "is not an address like ada@contoso.example"})
		}
	}
	if d.Birthday.Value() != nil {
		if _, err := time.Parse(time.DateOnly, d.Birthday.Or("")); err != nil {
			out = append(out, fault.Field{Name: "birthday", Message: "is not a date like 1979-02-28"})
		}
	}
	return out
}

// noon is when a birthday is written. Outlook shows the date by the reader's clock: at midnight it would be the day before west of
// Greenwich (dav/FACTS §5).
const noon = 11*time.Hour + 59*time.Minute

func (d Details) change() graph.ContactChange {
	k := graph.ContactChange{
		DisplayName: settable(d.DisplayName), FileAs: settable(d.FileAs), Title: settable(d.Title), GivenName: settable(d.GivenName), MiddleName: settable(d.MiddleName), Surname: settable(d.Surname),
		Generation: settable(d.Suffix), NickName: settable(d.Nickname), CompanyName: settable(d.Company), Department: settable(d.Department), JobTitle: settable(d.JobTitle),
		Profession: settable(d.Profession), OfficeLocation: settable(d.Office), Manager: settable(d.Manager), AssistantName: settable(d.Assistant), SpouseName: settable(d.Spouse),
		Children: whole(d.Children), BusinessPhones: whole(d.BusinessPhones), HomePhones: whole(d.HomePhones), MobilePhone: settable(d.MobilePhone), IMAddresses: whole(d.IMAddresses),
		BusinessHomePage: settable(d.Website), BusinessAddress: postal(d.BusinessAddress), HomeAddress: postal(d.HomeAddress), OtherAddress: postal(d.OtherAddress),
		PersonalNotes: settable(d.Notes), Categories: whole(d.Categories),
	}
	if !d.Birthday.IsZero() {
		k.Birthday = graph.Set[time.Time](nil)
		if day, err := time.Parse(time.DateOnly, d.Birthday.Or("")); err == nil {
			at := day.Add(noon)
			k.Birthday = graph.Set(&at)
		}
	}
	if !d.Emails.IsZero() {
		k.EmailAddresses = []graph.EmailAddress{}
		for _, e := range d.Emails.Or(nil) {
			k.EmailAddresses = append(k.EmailAddresses, graph.EmailAddress{Name: e.Name, Address: e.Address})
		}
	}
	return k
}

func settable[T any](n action.Nullable[T]) graph.Settable[T] {
	if n.IsZero() {
		return graph.Settable[T]{}
	}
	return graph.Set(n.Value())
}

// whole is a list to be written: nil where nothing was said, empty for null.
func whole(n action.Nullable[[]string]) []string {
	if n.IsZero() {
		return nil
	}
	return append([]string{}, n.Or(nil)...)
}

// postal writes an address. One that is cleared has empty parts: that a contact's address can be null is on no page.
func postal(n action.Nullable[Address]) graph.Settable[graph.PhysicalAddress] {
	if n.IsZero() {
		return graph.Settable[graph.PhysicalAddress]{}
	}
	a := n.Or(Address{})
	return graph.Set(&graph.PhysicalAddress{Street: a.Street, City: a.City, State: a.State, PostalCode: a.PostalCode, CountryOrRegion: a.Country})
}

func writeActions() []action.Action {
	return []action.Action{
		once.Define(action.Spec{Name: "contact.create", Summary: "Put one contact into a folder.", Effect: action.Writes,
			Operations: []m365.OperationKey{listContacts, createContact, listInFolder, createInFolder}, Capability: m365.Contacts}, CreateIn.creation),
		action.Define(action.Spec{Name: "contact.update", Summary: "Change a contact.", Effect: action.Writes,
			Operations: []m365.OperationKey{changeContact, readContact}, Capability: m365.Contacts, Args: []string{"contact"}}, update, action.WithReconcile(updated)),
		action.Define(action.Spec{Name: "contact.delete", Summary: "Delete a contact.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{deleteContact}, Capability: m365.Contacts, Args: []string{"contact"}}, remove),
	}
}

// creation is the way of a contact that is made once.
func (in CreateIn) creation(_ context.Context, c action.Call) (once.Creation[Contact], error) {
	box, err := in.In(c)
	path, mark := box.ContactsIn(in.Folder), once.Mark(c)
	return once.Creation[Contact]{
		Find: func(ctx context.Context, proof graph.Option) (Contact, bool, error) {
			k, found, err := once.First[graph.Contact](ctx, box.Graph, path, once.Marked(mark), graph.Select(contactFields...), proof)
			return contactOf(k), found, err
		},
		Make: func(ctx context.Context) (Contact, error) {
			change := in.change()
			change.ExtendedProperties = once.Marking(mark)
			k, err := graph.Post[graph.Contact](ctx, box.Graph, path, change)
			return contactOf(k), err
		},
	}, err
}
