package graph

import "time"

// PhysicalAddress is a postal address. It is written whole, empty parts too.
type PhysicalAddress struct {
	Street          string `json:"street"`
	City            string `json:"city"`
	State           string `json:"state"`
	PostalCode      string `json:"postalCode"`
	CountryOrRegion string `json:"countryOrRegion"`
}

// Contact is a contact as read.
type Contact struct {
	ETag                 string          `json:"@odata.etag"`
	ID                   string          `json:"id"`
	ParentFolderID       string          `json:"parentFolderId"`
	CreatedDateTime      time.Time       `json:"createdDateTime"`
	LastModifiedDateTime time.Time       `json:"lastModifiedDateTime"`
	DisplayName          string          `json:"displayName"`
	FileAs               string          `json:"fileAs"`
	Title                string          `json:"title"`
	GivenName            string          `json:"givenName"`
	MiddleName           string          `json:"middleName"`
	Surname              string          `json:"surname"`
	Generation           string          `json:"generation"`
	NickName             string          `json:"nickName"`
	CompanyName          string          `json:"companyName"`
	Department           string          `json:"department"`
	JobTitle             string          `json:"jobTitle"`
	Profession           string          `json:"profession"`
	OfficeLocation       string          `json:"officeLocation"`
	Manager              string          `json:"manager"`
	AssistantName        string          `json:"assistantName"`
	SpouseName           string          `json:"spouseName"`
	Children             []string        `json:"children"`
	Birthday             string          `json:"birthday"` // a time by the contract, a date alone in the example of contact-get.md
	EmailAddresses       []EmailAddress  `json:"emailAddresses"`
	BusinessPhones       []string        `json:"businessPhones"`
	HomePhones           []string        `json:"homePhones"`
	MobilePhone          string          `json:"mobilePhone"`
	IMAddresses          []string        `json:"imAddresses"`
	BusinessHomePage     string          `json:"businessHomePage"`
	BusinessAddress      PhysicalAddress `json:"businessAddress"`
	HomeAddress          PhysicalAddress `json:"homeAddress"`
	OtherAddress         PhysicalAddress `json:"otherAddress"`
	PersonalNotes        string          `json:"personalNotes"`
	Categories           []string        `json:"categories"`
}

// ContactChange is a contact as written: a new one, or the fields to change.
type ContactChange struct {
	DisplayName        Settable[string]          `json:"displayName,omitzero"`
	FileAs             Settable[string]          `json:"fileAs,omitzero"`
	Title              Settable[string]          `json:"title,omitzero"`
	GivenName          Settable[string]          `json:"givenName,omitzero"`
	MiddleName         Settable[string]          `json:"middleName,omitzero"`
	Surname            Settable[string]          `json:"surname,omitzero"`
	Generation         Settable[string]          `json:"generation,omitzero"`
	NickName           Settable[string]          `json:"nickName,omitzero"`
	CompanyName        Settable[string]          `json:"companyName,omitzero"`
	Department         Settable[string]          `json:"department,omitzero"`
	JobTitle           Settable[string]          `json:"jobTitle,omitzero"`
	Profession         Settable[string]          `json:"profession,omitzero"`
	OfficeLocation     Settable[string]          `json:"officeLocation,omitzero"`
	Manager            Settable[string]          `json:"manager,omitzero"`
	AssistantName      Settable[string]          `json:"assistantName,omitzero"`
	SpouseName         Settable[string]          `json:"spouseName,omitzero"`
	Children           []string                  `json:"children,omitzero"`
	Birthday           Settable[time.Time]       `json:"birthday,omitzero"`
	EmailAddresses     []EmailAddress            `json:"emailAddresses,omitzero"`
	BusinessPhones     []string                  `json:"businessPhones,omitzero"`
	HomePhones         []string                  `json:"homePhones,omitzero"`
	MobilePhone        Settable[string]          `json:"mobilePhone,omitzero"`
	IMAddresses        []string                  `json:"imAddresses,omitzero"`
	BusinessHomePage   Settable[string]          `json:"businessHomePage,omitzero"`
	BusinessAddress    Settable[PhysicalAddress] `json:"businessAddress,omitzero"`
	HomeAddress        Settable[PhysicalAddress] `json:"homeAddress,omitzero"`
	OtherAddress       Settable[PhysicalAddress] `json:"otherAddress,omitzero"`
	PersonalNotes      Settable[string]          `json:"personalNotes,omitzero"`
	Categories         []string                  `json:"categories,omitzero"`
	ExtendedProperties []ExtendedProperty        `json:"singleValueExtendedProperties,omitempty"`
}

// ContactFolder is a folder of contacts.
type ContactFolder struct {
	ID             string `json:"id"`
	ParentFolderID string `json:"parentFolderId"`
	DisplayName    string `json:"displayName"`
}

// ContactFolderChange is a contact folder as written.
type ContactFolderChange struct {
	DisplayName        string             `json:"displayName"`
	ExtendedProperties []ExtendedProperty `json:"singleValueExtendedProperties,omitempty"`
}

// ProfilePhoto tells about a photo; its bytes are read by MIME and Content.
type ProfilePhoto struct {
	MediaContentType string `json:"@odata.mediaContentType"`
	Width            int    `json:"width"`
	Height           int    `json:"height"`
}
