package graph

import "time"

// Permission is who may do what with an item: people who were invited, whoever has a link, or what comes from a folder above.
type Permission struct {
	ID                    string             `json:"id"`
	Roles                 []string           `json:"roles"` // read, write, owner and SharePoint's own
	Link                  *SharingLink       `json:"link"`
	GrantedToV2           *Grantee           `json:"grantedToV2"` // grantedTo is removed (graph/FACTS §10)
	GrantedToIdentitiesV2 []Grantee          `json:"grantedToIdentitiesV2"`
	Invitation            *SharingInvitation `json:"invitation"`
	InheritedFrom         *ItemReference     `json:"inheritedFrom"`
	ExpirationDateTime    time.Time          `json:"expirationDateTime"`
}

// SharingLink is a link that gives access. Who has an anonymous one needs nothing else.
type SharingLink struct {
	Type   string `json:"type"`  // view, edit, embed
	Scope  string `json:"scope"` // anonymous, organization, users
	WebURL string `json:"webUrl"`
}

// SharingInvitation tells who was invited.
type SharingInvitation struct {
	Email          string `json:"email"`
	SignInRequired bool   `json:"signInRequired"`
}

// Grantee is somebody who has a permission.
type Grantee struct {
	User        *Identity `json:"user,omitempty"`
	Group       *Identity `json:"group,omitempty"`
	Application *Identity `json:"application,omitempty"`
	SiteUser    *Identity `json:"siteUser,omitempty"`
	SiteGroup   *Identity `json:"siteGroup,omitempty"`
}

// SiteGrant lets an application into a site: what Sites.Selected is about. The shape is the one that sites take (site-post-permissions.md).
type SiteGrant struct {
	Roles               []string  `json:"roles"`
	GrantedToIdentities []Grantee `json:"grantedToIdentities"`
}

// PermissionChange gives a permission another role.
type PermissionChange struct {
	Roles []string `json:"roles"`
}

// LinkCreation asks for a link.
type LinkCreation struct {
	Type               string     `json:"type"`
	Scope              string     `json:"scope"`
	ExpirationDateTime *time.Time `json:"expirationDateTime,omitempty"`
}

// Invitation grants people a role. Whether they are mailed is always said.
type Invitation struct {
	Recipients     []DriveRecipient `json:"recipients"`
	Roles          []string         `json:"roles"`
	RequireSignIn  bool             `json:"requireSignIn"`
	SendInvitation bool             `json:"sendInvitation"`
	Message        string           `json:"message,omitempty"`
}

// DriveRecipient is one of them.
type DriveRecipient struct {
	Email string `json:"email"`
}

// Permission is one permission of an item.
func (d DrivePlace) Permission(item, id string) Path {
	return d.DriveItem(item).Sub("permissions").Item("permission-id", id)
}
