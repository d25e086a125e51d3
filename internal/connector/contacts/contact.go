package contacts

import (
	"time"

	"seneschal/internal/graph"
)

// Email is an address with the name that goes with it.
type Email struct {
	Address string `json:"address" maxLength:"255" doc:"ada@contoso.example"`
	Name    string `json:"name,omitempty" maxLength:"255" doc:"Name shown with the address"`
}

// Address is a postal address.
type Address struct {
	Street     string `json:"street,omitempty" maxLength:"1000" doc:"Street and number; more lines by newline"`
	City       string `json:"city,omitempty" maxLength:"255" doc:"City"`
	State      string `json:"state,omitempty" maxLength:"255" doc:"State or province"`
	PostalCode string `json:"postal_code,omitempty" maxLength:"255" doc:"Postal code"`
	Country    string `json:"country,omitempty" maxLength:"255" doc:"Country or region, as it shall be shown"`
}

// Summary is what a list shows of a contact.
type Summary struct {
	ID             string    `json:"id"`
	ETag           string    `json:"etag,omitempty" doc:"Version of the contact: given back as if_match, it keeps a change of somebody else's from being overwritten"`
	FolderID       string    `json:"folder_id"`
	DisplayName    string    `json:"display_name"`
	GivenName      string    `json:"given_name,omitempty"`
	Surname        string    `json:"surname,omitempty"`
	Company        string    `json:"company,omitempty"`
	JobTitle       string    `json:"job_title,omitempty"`
	Emails         []Email   `json:"emails"`
	BusinessPhones []string  `json:"business_phones,omitempty"`
	HomePhones     []string  `json:"home_phones,omitempty"`
	MobilePhone    string    `json:"mobile_phone,omitempty"`
	Categories     []string  `json:"categories,omitempty"`
	Modified       time.Time `json:"modified,omitzero"`
}

var summaryFields = []string{"id", "parentFolderId", "displayName", "givenName", "surname", "companyName", "jobTitle", "emailAddresses", "businessPhones", "homePhones",
	"mobilePhone", "categories", "lastModifiedDateTime"}

func summaryOf(k graph.Contact) Summary {
	s := Summary{ID: k.ID, ETag: k.ETag, FolderID: k.ParentFolderID, DisplayName: k.DisplayName, GivenName: k.GivenName, Surname: k.Surname, Company: k.CompanyName, JobTitle: k.JobTitle,
		Emails: make([]Email, len(k.EmailAddresses)), BusinessPhones: k.BusinessPhones, HomePhones: k.HomePhones, MobilePhone: k.MobilePhone, Categories: k.Categories, Modified: k.LastModifiedDateTime}
	for i, e := range k.EmailAddresses {
		s.Emails[i] = Email{e.Address, e.Name}
	}
	return s
}

// Contact is a contact with everything we know of it.
type Contact struct {
	Summary
	Title           string   `json:"title,omitempty" doc:"In front of the name, such as Dr."`
	MiddleName      string   `json:"middle_name,omitempty"`
	Suffix          string   `json:"suffix,omitempty" doc:"Behind the name, such as Jr."`
	Nickname        string   `json:"nickname,omitempty"`
	FileAs          string   `json:"file_as,omitempty"`
	Department      string   `json:"department,omitempty"`
	Profession      string   `json:"profession,omitempty"`
	Office          string   `json:"office,omitempty"`
	Manager         string   `json:"manager,omitempty"`
	Assistant       string   `json:"assistant,omitempty"`
	Spouse          string   `json:"spouse,omitempty"`
	Children        []string `json:"children,omitempty"`
	Birthday        string   `json:"birthday,omitempty" doc:"Date, like 1979-02-28"`
	IMAddresses     []string `json:"im_addresses,omitempty"`
	Website         string   `json:"website,omitempty"`
	BusinessAddress Address  `json:"business_address,omitzero"`
	HomeAddress     Address  `json:"home_address,omitzero"`
	OtherAddress    Address  `json:"other_address,omitzero"`
	Notes           string   `json:"notes,omitempty"`
}

// contactFields are all of a contact that we show.
var contactFields = append([]string{"title", "middleName", "generation", "nickName", "fileAs", "department", "profession", "officeLocation", "manager", "assistantName", "spouseName", "children",
	"birthday", "imAddresses", "businessHomePage", "businessAddress", "homeAddress", "otherAddress", "personalNotes"}, summaryFields...)

func contactOf(k graph.Contact) Contact {
	out := Contact{Summary: summaryOf(k), Title: k.Title, MiddleName: k.MiddleName, Suffix: k.Generation, Nickname: k.NickName, FileAs: k.FileAs, Department: k.Department, Profession: k.Profession,
		Office: k.OfficeLocation, Manager: k.Manager, Assistant: k.AssistantName, Spouse: k.SpouseName, Children: k.Children, IMAddresses: k.IMAddresses, Website: k.BusinessHomePage,
		BusinessAddress: addressOf(k.BusinessAddress), HomeAddress: addressOf(k.HomeAddress), OtherAddress: addressOf(k.OtherAddress), Notes: k.PersonalNotes}
	if at, err := time.Parse(time.RFC3339, k.Birthday); err == nil {
		out.Birthday = at.UTC().Format(time.DateOnly)
	} else {
		out.Birthday = k.Birthday
	}
	return out
}

func addressOf(a graph.PhysicalAddress) Address {
	return Address{a.Street, a.City, a.State, a.PostalCode, a.CountryOrRegion}
}
