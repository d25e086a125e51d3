package connection

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/vault"
)

// Form is a connection as a person or file enters it.
type Form struct {
	Name             string            `json:"name" yaml:"name" doc:"Name of the connection, unique in the hub"`
	Kind             m365.Mode         `json:"kind" yaml:"kind" enum:"application,delegated" doc:"application: as the app itself; delegated: on behalf of one signed-in person"`
	Cloud            m365.Cloud        `json:"cloud,omitempty" yaml:"cloud" enum:"global,usgov,usgov-dod,china,custom" doc:"Microsoft cloud of the tenant; the setting CLOUD without"`
	TenantID         m365.TenantID     `json:"tenant_id,omitempty" yaml:"tenant_id" doc:"Directory (tenant) ID; needed unless people of any tenant may sign in"`
	ClientID         m365.ClientID     `json:"client_id" yaml:"client_id" doc:"Application (client) ID"`
	Credential       CredentialForm    `json:"credential,omitzero" yaml:"credential" doc:"What proves the app to Entra"`
	AccountTypes     m365.Audience     `json:"account_types,omitempty" yaml:"account_types" enum:"this_tenant,any_work_tenant,work_and_personal,personal" doc:"Delegated: whose accounts may sign in"`
	Owner            string            `json:"owner,omitempty" yaml:"owner" doc:"Delegated: the person of the hub it belongs to; you without"`
	Capabilities     []m365.Capability `json:"capabilities" yaml:"capabilities" doc:"What the connection is for: directory, mail, calendar, timeline, tap, send, dispatch"`
	Mailboxes        MailboxList       `json:"mailboxes,omitempty" yaml:"mailboxes" doc:"The mailboxes it may touch: a list of {upn, purposes}, or addresses separated by commas, semicolons or lines"`
	Sites            []string          `json:"sites,omitempty" yaml:"sites" doc:"The sites of SharePoint it may reach, by address; * is all that the permissions reach. The capability sharepoint needs one"`
	SitesSelected    bool              `json:"sites_selected,omitempty" yaml:"sites_selected" doc:"Ask for Sites.Selected in place of permissions for all sites: an administrator grants the app each listed site"`
	Teams            []string          `json:"teams,omitempty" yaml:"teams" doc:"The teams of Microsoft Teams it may reach, by id or name; * is all that the permissions reach. The capability teams needs one"`
	MailboxesLimited bool              `json:"mailboxes_limited,omitempty" yaml:"mailboxes_limited" doc:"Ask for no permission that reaches every mailbox: Exchange lets the app into the listed ones, by the script of connection.mailbox_script"`
	MailboxOutside   string            `json:"mailbox_outside,omitempty" yaml:"mailbox_outside" doc:"With mailboxes_limited: a mailbox that is not on the list, by which the doctor proves that others are refused; one of the directory without"`
	ReadOnly         bool              `json:"read_only,omitempty" yaml:"read_only" doc:"Refuse everything that changes something"`
	Allowed          []string          `json:"allowed_actions,omitempty" yaml:"allowed_actions" doc:"Actions it may run, such as mail.*; all without"`
}

// CredentialForm is a credential as entered. It is sealed as it is; nothing of it is ever shown again.
type CredentialForm struct {
	Type        string       `json:"type" yaml:"type" enum:"secret,certificate,federated,none" doc:"Certificate is the best choice; none is for device code sign-in alone"`
	Secret      vault.Secret `json:"secret,omitzero" yaml:"-" doc:"The secret's Value, not its ID"`
	Certificate vault.Secret `json:"certificate,omitzero" yaml:"-" doc:"Certificate with private key: PEM text, or a PFX file in base64"`
	Password    vault.Secret `json:"password,omitzero" yaml:"-" doc:"Password of the certificate's key"`
	TokenFile   string       `json:"token_file,omitempty" yaml:"token_file" doc:"File on the hub's host where the platform puts the federated token"`
	ExpiresAt   time.Time    `json:"expires_at,omitzero" yaml:"expires_at" doc:"When the secret expires, as Entra shows it; a certificate says so itself"`
}

// MailboxList takes a list of objects, or one text of addresses: commas, semicolons, lines and CSV alike.
type MailboxList []MailboxEntry

// MailboxEntry is one entered mailbox.
type MailboxEntry struct {
	Address  string    `json:"upn" yaml:"upn"`
	Purposes []Purpose `json:"purposes,omitempty" yaml:"purposes"`
}

// Schema says that both forms are taken.
func (MailboxList) Schema(r huma.Registry) *huma.Schema {
	entries := &huma.Schema{Type: huma.TypeArray, Items: r.Schema(reflect.TypeFor[MailboxEntry](), false, "")}
	return &huma.Schema{OneOf: []*huma.Schema{entries, {Type: huma.TypeString}}}
}

// UnmarshalJSON takes either form.
func (l *MailboxList) UnmarshalJSON(text []byte) error {
	var s string
	if json.Unmarshal(text, &s) == nil {
		*l = ParseMailboxes(s)
		return nil
	}
	var entries []MailboxEntry
	if err := json.Unmarshal(text, &entries); err != nil {
		return err
	}
	*l = entries
	return nil
}

// ParseMailboxes reads addresses from pasted text. A CSV's further columns and header are passed over: only what has an @ is an address.
func ParseMailboxes(text string) MailboxList {
	var out MailboxList
	seen := map[string]bool{}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;\n\r\t\" <>", r) }) {
		address := strings.ToLower(strings.TrimSpace(part))
		if strings.Contains(address, "@") && !seen[address] {
			seen[address] = true
			out = append(out, MailboxEntry{Address: address})
		}
	}
	return out
}

// normalise trims what people paste and fills in what follows from the rest.
func (f *Form) normalise(defaultCloud m365.Cloud) {
	f.Name = strings.TrimSpace(f.Name)
	f.TenantID = m365.TenantID(strings.ToLower(strings.TrimSpace(string(f.TenantID))))
	f.ClientID = m365.ClientID(strings.ToLower(strings.TrimSpace(string(f.ClientID))))
	if f.Cloud == "" {
		f.Cloud = defaultCloud
	}
	if f.Kind == m365.Delegated && f.AccountTypes == "" {
		f.AccountTypes = m365.ThisTenant
	}
	if f.Credential.Type == "" && f.Kind == m365.Delegated {
		f.Credential.Type = "none"
	}
	f.normaliseSites()
	f.normaliseTeams()
	f.MailboxOutside = lower(strings.TrimSpace(f.MailboxOutside))
	for i := range f.Mailboxes {
		f.Mailboxes[i].Address = strings.ToLower(strings.TrimSpace(f.Mailboxes[i].Address))
		if len(f.Mailboxes[i].Purposes) == 0 {
			f.Mailboxes[i].Purposes = purposesOf(f.Capabilities) // a mailbox entered without any is meant for all that was chosen, and for nothing else
			if f.Kind == m365.Delegated {
				f.Mailboxes[i].Purposes = []Purpose{ForActions}
			}
		}
	}
}

// check finds everything that is wrong with the form by itself.
func (f *Form) check() []fault.Field {
	var wrong []fault.Field
	bad := func(name, format string, args ...any) {
		wrong = append(wrong, fault.Field{Name: name, Message: fmt.Sprintf(format, args...)})
	}
	if f.Name == "" || len(f.Name) > 120 {
		bad("name", "must have 1 to 120 characters")
	}
	if f.Kind != m365.Application && f.Kind != m365.Delegated {
		bad("kind", "must be application or delegated")
	}
	if !slices.Contains(m365.Clouds(), f.Cloud) {
		bad("cloud", "must be one of %v", m365.Clouds())
	}
	f.checkIDs(bad)
	f.checkCredential(bad)
	f.checkCapabilities(bad)
	f.checkMailboxes(bad)
	f.checkLimit(bad)
	f.checkSites(bad)
	f.checkTeams(bad)
	return wrong
}

func (f *Form) checkIDs(bad func(string, string, ...any)) {
	tenantNeeded := f.Kind == m365.Application || f.AccountTypes == m365.ThisTenant
	switch {
	case f.TenantID == "" && tenantNeeded:
		bad("tenant_id", "is missing: Directory (tenant) ID on the Overview page of Microsoft Entra")
	case f.TenantID != "" && !m365.IsGUID(string(f.TenantID)):
		bad("tenant_id", "must be the GUID shown as Directory (tenant) ID, not a name or domain")
	}
	if !m365.IsGUID(string(f.ClientID)) {
		bad("client_id", "must be the GUID shown as Application (client) ID on the app registration's Overview page")
	}
	if f.TenantID != "" && string(f.TenantID) == string(f.ClientID) {
		bad("client_id", "is the same as the tenant id: one of the two was pasted twice")
	}
	audiences := []m365.Audience{m365.ThisTenant, m365.AnyWorkTenant, m365.WorkPersonal, m365.Personal}
	if f.Kind == m365.Delegated && !slices.Contains(audiences, f.AccountTypes) {
		bad("account_types", "must be one of %v", audiences)
	}
	if f.Kind == m365.Delegated && f.Owner == "" {
		bad("owner", "is missing: a delegated connection belongs to one person of the hub")
	}
}

func (f *Form) checkCredential(bad func(string, string, ...any)) {
	c := f.Credential
	switch c.Type {
	case "secret":
		if c.Secret.IsZero() {
			bad("credential.secret", "is missing")
		} else if m365.IsGUID(c.Secret.Reveal()) {
			bad("credential.secret", "looks like the secret's ID; paste the Value, which Entra shows once beside it")
		}
	case "certificate":
		if c.Certificate.IsZero() {
			bad("credential.certificate", "is missing: PEM text, or a PFX file in base64")
		}
	case "federated":
		if c.TokenFile == "" {
			bad("credential.token_file", "is missing: the file where the platform puts the token")
		}
	case "none":
		if f.Kind == m365.Application {
			bad("credential.type", "must be secret, certificate or federated: an app without a user has to prove itself")
		}
	default:
		bad("credential.type", "must be secret, certificate, federated or none")
	}
}

func (f *Form) checkCapabilities(bad func(string, string, ...any)) {
	if len(f.Capabilities) == 0 {
		bad("capabilities", "is empty: say what the connection is for")
	}
	for i, name := range f.Capabilities {
		info, ok := m365.LookupCapability(name)
		switch {
		case !ok:
			bad(fmt.Sprintf("capabilities[%d]", i), "%q is not one of the capabilities", name)
		case !slices.Contains(info.Modes, f.Kind) && (f.Kind == m365.Application || f.Kind == m365.Delegated):
			bad(fmt.Sprintf("capabilities[%d]", i), "%s needs an app-only connection: it works while nobody is signed in", name)
		case f.AccountTypes == m365.Personal && m365.WorkOnlyCapability(name):
			bad(fmt.Sprintf("capabilities[%d]", i), "%s is not for personal Microsoft accounts, which have no Teams, SharePoint or directory: let work accounts sign in", name)
		}
	}
}

func (f *Form) checkMailboxes(bad func(string, string, ...any)) {
	if f.Kind == m365.Delegated {
		if f.ownAlone() { // outlook-change-notifications-overview.md: delegated permissions subscribe to the signed-in user's mailbox only
			bad("mailboxes", "must be empty: a person's connection reaches their own mailbox alone; of others a work account's reaches the mail, with the capability mail and the purpose actions. "+
				"Of changes in shared and other people's mailboxes Microsoft tells the app itself, and nobody who was merely let in: list them on an app-only connection")
			return
		}
	}
	for _, p := range purposesOf(f.Capabilities) {
		if f.Kind == m365.Application && !slices.ContainsFunc(f.Mailboxes, func(m MailboxEntry) bool { return slices.Contains(m.Purposes, p) }) {
			bad("mailboxes", "Enter at least one technician mailbox for the purpose %s", p)
		}
	}
	seen := map[string]bool{}
	for i, m := range f.Mailboxes {
		field := fmt.Sprintf("mailboxes[%d].upn", i)
		if a, err := mail.ParseAddress(m.Address); err != nil || a.Address != m.Address {
			bad(field, "%q is not an address", m.Address)
		} else if seen[m.Address] {
			bad(field, "%q is listed twice", m.Address)
		}
		seen[m.Address] = true
		for j, p := range m.Purposes {
			if !slices.Contains(Purposes(), p) {
				bad(fmt.Sprintf("mailboxes[%d].purposes[%d]", i, j), "%q is not a purpose; there are %v", p, Purposes())
			}
		}
	}
}

// ownAlone says that a person's connection lists other mailboxes for what it cannot reach in them: shared mail is all that Microsoft has for
// people who were let in (outlook-share-messages-folders.md), and personal accounts have no such mailboxes.
func (f *Form) ownAlone() bool {
	if len(f.Mailboxes) == 0 {
		return false
	}
	return !slices.Contains(f.Capabilities, m365.Mail) || f.AccountTypes == m365.Personal ||
		slices.ContainsFunc(f.Mailboxes, func(m MailboxEntry) bool { return !slices.Equal(m.Purposes, []Purpose{ForActions}) })
}

// sealed is the JSON a credential has inside the vault.
type sealed struct {
	Type, Secret, Certificate, Password, TokenFile string
	ExpiresAt                                      time.Time
}

func (c CredentialForm) seal() (vault.Secret, error) {
	text, err := json.Marshal(sealed{c.Type, c.Secret.Reveal(), c.Certificate.Reveal(), c.Password.Reveal(), c.TokenFile, c.ExpiresAt})
	return vault.NewSecret(string(text)), err
}

func unseal(s vault.Secret) (CredentialForm, error) {
	var in sealed
	if err := json.Unmarshal([]byte(s.Reveal()), &in); err != nil {
		return CredentialForm{}, fmt.Errorf("reading a sealed credential failed")
	}
	return CredentialForm{in.Type, vault.NewSecret(in.Secret), vault.NewSecret(in.Certificate), vault.NewSecret(in.Password), in.TokenFile, in.ExpiresAt}, nil
}

// entra gives the credential as the token client wants it, and what may be shown of it.
func (c CredentialForm) entra() (entra.Credential, CredentialInfo, error) {
	info := CredentialInfo{Type: c.Type, ExpiresAt: c.ExpiresAt}
	switch c.Type {
	case "secret":
		return entra.Secret{Value: c.Secret}, info, nil
	case "certificate":
		data := []byte(c.Certificate.Reveal())
		if pfx, err := base64.StdEncoding.DecodeString(strings.TrimSpace(c.Certificate.Reveal())); err == nil {
			data = pfx
		}
		cert, err := entra.ParseCertificate(data, c.Password)
		if err != nil {
			return nil, info, err
		}
		info.ExpiresAt, info.Note = cert.Expires(), "thumbprint "+cert.Thumbprint()
		return cert, info, nil
	case "federated":
		info.Note = "token file " + c.TokenFile
		return entra.Federated{TokenFile: c.TokenFile}, info, nil
	default:
		return nil, info, nil
	}
}
