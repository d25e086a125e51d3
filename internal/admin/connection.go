package admin

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

type none struct{}

type byID struct {
	ID string `json:"id" doc:"Id or name of the connection"`
}

// ConnectionView is a connection as it may be shown, in its present state.
type ConnectionView struct {
	connection.Connection
	State connection.State `json:"state"`
}

type connectionList struct {
	Connections []ConnectionView `json:"connections"`
}

type tested struct {
	Connection *ConnectionView       `json:"connection,omitempty"`
	Test       connection.TestResult `json:"test"`
}

type doctorOut struct {
	Lines []connection.Line `json:"lines"`
}

type changeIn struct {
	ID               string                  `json:"id" doc:"Id or name of the connection"`
	Name             *string                 `json:"name,omitempty" doc:"New name"`
	Capabilities     []m365.Capability       `json:"capabilities,omitempty" doc:"What it is for, the whole list"`
	Mailboxes        *connection.MailboxList `json:"mailboxes,omitempty" doc:"The mailboxes it may touch, the whole list"`
	Sites            *[]string               `json:"sites,omitempty" doc:"The sites of SharePoint it may reach, by address, the whole list; * is all that the permissions reach"`
	SitesSelected    *bool                   `json:"sites_selected,omitempty" doc:"Ask for Sites.Selected in place of permissions for all sites"`
	Teams            *[]string               `json:"teams,omitempty" doc:"The teams of Microsoft Teams it may reach, by id or name, the whole list; * is all that the permissions reach"`
	MailboxesLimited *bool                   `json:"mailboxes_limited,omitempty" doc:"Ask for no permission that reaches every mailbox: Exchange lets the app into the listed ones"`
	MailboxOutside   *string                 `json:"mailbox_outside,omitempty" doc:"With mailboxes_limited: a mailbox that is not on the list, by which the doctor proves that others are refused"`
	ReadOnly         *bool                   `json:"read_only,omitempty" doc:"Refuse everything that changes something"`
	Allowed          *[]string               `json:"allowed_actions,omitempty" doc:"Actions it may run; an empty list allows all"`
	Version          int64                   `json:"version,omitempty" doc:"Refuse the change when the connection was changed since this version"`
}

type pauseIn struct {
	ID     string `json:"id" doc:"Id or name of the connection"`
	Resume bool   `json:"resume,omitempty" doc:"Let it go on instead"`
}

type followOwnIn struct {
	ID   string          `json:"id" doc:"Id or name of a person's own connection"`
	What m365.Capability `json:"what,omitempty" enum:"timeline,followfiles,followcontacts" doc:"What is told: communications with customers (timeline, also without), changed files, or changed contacts"`
	Stop bool            `json:"stop,omitempty" doc:"No longer: what was learned from it is forgotten"`
}

type credentialIn struct {
	ID         string                    `json:"id" doc:"Id or name of the connection"`
	Credential connection.CredentialForm `json:"credential" doc:"The new credential; the old one serves until this one is proven"`
}

type replaceIn struct {
	ID         string                    `json:"id" doc:"Id or name of the connection"`
	ClientID   m365.ClientID             `json:"client_id" doc:"Application (client) ID of the new app registration"`
	Credential connection.CredentialForm `json:"credential" doc:"Its credential"`
}

type serveIn struct {
	ID         string          `json:"id" doc:"Id or name of the connection"`
	Capability m365.Capability `json:"capability" doc:"What it shall serve in its tenant from now on"`
}

type siteScriptIn struct {
	ID   string `json:"id" doc:"Id or name of the connection"`
	Role string `json:"role,omitempty" enum:"read,write,owner,fullcontrol" doc:"What the app may do there: write without, or read where the connection is read only; lists and columns are made by owner"`
}

type mailboxIn struct {
	ID       string               `json:"id" doc:"Id or name of the connection"`
	List     string               `json:"mailboxes" doc:"Addresses, separated by commas, semicolons, blanks or lines"`
	Purposes []connection.Purpose `json:"purposes,omitempty" doc:"timeline, tap, send, dispatch, actions; what the connection is for without"`
}

type mailboxList struct {
	Mailboxes []connection.Mailbox `json:"mailboxes"`
}

func (h *Hub) view(c connection.Connection) ConnectionView {
	return ConnectionView{c, c.Current(h.Clock.Now())}
}

func (h *Hub) connectionActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "connection.list", Summary: "List the connections with their states and proofs.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /connections"}, h.listConnections),
		action.Define(action.Spec{Name: "connection.show", Summary: "Show one connection.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /connections/{id}", Args: []string{"id"}}, func(ctx context.Context, _ action.Call, in byID) (ConnectionView, error) {
			c, err := h.Connections.Lookup(ctx, in.ID)
			return h.view(c), err
		}),
		action.Define(action.Spec{Name: "connection.add", Summary: "Save a connection and prove it; one that cannot be proven is saved as pending.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /connections"}, h.addConnection),
		action.Define(action.Spec{Name: "connection.try", Summary: "Try a connection's form with real calls and save nothing.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /connections/test", CLI: "connection try"}, func(ctx context.Context, c action.Call, in connection.Form) (connection.TestResult, error) {
			h.own(&in, c)
			return h.Connections.Test(ctx, in)
		}),
		action.Define(action.Spec{Name: "connection.test", Summary: "Prove a saved connection now.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "POST /connections/{id}/test", Args: []string{"id"}}, h.testConnection),
		action.Define(action.Spec{Name: "connection.doctor", Summary: "Tell for each capability what works and what does not, with proof, cause, fix and who can make it.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "POST /connections/{id}/doctor", Args: []string{"id"}}, func(ctx context.Context, _ action.Call, in byID) (doctorOut, error) {
			lines, err := h.Connections.Doctor(ctx, in.ID)
			return doctorOut{lines}, err
		}),
		action.Define(action.Spec{Name: "connection.findings", Summary: "Show what the last look at a connection found, without asking Microsoft.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /connections/{id}/doctor", Args: []string{"id"}}, func(ctx context.Context, _ action.Call, in byID) (doctorOut, error) {
			c, err := h.Connections.Lookup(ctx, in.ID)
			if err != nil {
				return doctorOut{}, err
			}
			lines, err := h.Connections.LastLines(ctx, c.ID)
			return doctorOut{lines}, err
		}),
		action.Define(action.Spec{Name: "connection.link", Summary: "Make the link that a person opens to sign in, or an administrator to consent.", Effect: action.Writes, Target: action.OnHub, Scope: access.OwnConnection,
			Route: "POST /connections/{id}/link", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in byID) (connection.Link, error) {
			if err := h.mayConfigure(ctx, c.Caller, in.ID); err != nil {
				return connection.Link{}, err
			}
			return h.Connections.NewLink(ctx, c.Caller, in.ID)
		}),
		action.Define(action.Spec{Name: "connection.device", Summary: "Begin a sign-in by a code that the person types in on another device.", Effect: action.Writes, Target: action.OnHub, Scope: access.OwnConnection,
			Route: "POST /connections/{id}/device", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in byID) (connection.DeviceSignIn, error) {
			if err := h.mayConfigure(ctx, c.Caller, in.ID); err != nil {
				return connection.DeviceSignIn{}, err
			}
			return h.Connections.StartDevice(ctx, c.Caller, in.ID)
		}),
		action.Define(action.Spec{Name: "connection.change", Summary: "Change name, capabilities, mailboxes, sites, teams or switches of a connection, and prove it anew.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "PATCH /connections/{id}", Args: []string{"id"}}, h.changeConnection),
		action.Define(action.Spec{Name: "connection.follow", Summary: "Have one's own mailbox followed for the customer timeline, or one's files or contacts for events that tell of changes, or no longer.", Effect: action.Writes, Target: action.OnHub, Scope: access.OwnConnection,
			Route: "POST /connections/{id}/follow", Args: []string{"id"}}, h.followOwn),
		action.Define(action.Spec{Name: "connection.pause", Summary: "Stop all work on a connection, or let it go on.", Effect: action.Writes, Target: action.OnHub, Scope: access.OwnConnection,
			Route: "POST /connections/{id}/pause", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in pauseIn) (ConnectionView, error) {
			if err := h.mayConfigure(ctx, c.Caller, in.ID); err != nil {
				return ConnectionView{}, err
			}
			if err := h.Connections.Pause(ctx, c.Caller, in.ID, !in.Resume); err != nil {
				return ConnectionView{}, err
			}
			after, err := h.Connections.Lookup(ctx, in.ID)
			return h.view(after), err
		}),
		action.Define(action.Spec{Name: "connection.rotate", Summary: "Replace a connection's credential; the old one serves until the new one is proven.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /connections/{id}/rotate", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in credentialIn) (ConnectionView, error) {
			after, err := h.Connections.Rotate(ctx, c.Caller, in.ID, in.Credential)
			return h.view(after), err
		}),
		action.Define(action.Spec{Name: "connection.replace_app", Summary: "Move a connection to another app registration on the same id.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /connections/{id}/replace-app", CLI: "connection replace-app", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in replaceIn) (ConnectionView, error) {
			after, err := h.Connections.ReplaceApp(ctx, c.Caller, in.ID, in.ClientID, in.Credential)
			return h.view(after), err
		}),
		action.Define(action.Spec{Name: "connection.permissions", Summary: "Show the permissions a connection needs, has and has too much, with set-up scripts.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /connections/{id}/permissions", Args: []string{"id"}}, func(ctx context.Context, _ action.Call, in byID) (connection.Permissions, error) {
			return h.Connections.ReadPermissions(ctx, in.ID)
		}),
		action.Define(action.Spec{Name: "connection.site_script", Summary: "Write the script that grants a connection's app the sites on its list.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite,
			Route: "GET /connections/{id}/site-script", CLI: "connection site-script", Args: []string{"id"}}, func(ctx context.Context, _ action.Call, in siteScriptIn) (connection.SiteScript, error) {
			return h.Connections.SiteScript(ctx, in.ID, in.Role)
		}),
		action.Define(action.Spec{Name: "connection.mailbox_script", Summary: "Write the script by which Exchange lets a connection's app into the mailboxes on its list, and into no other.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite,
			Route: "GET /connections/{id}/mailbox-script", CLI: "connection mailbox-script", Args: []string{"id"}}, func(ctx context.Context, _ action.Call, in byID) (connection.MailboxScript, error) {
			return h.Connections.MailboxScript(ctx, in.ID)
		}),
		action.Define(action.Spec{Name: "connection.serve", Summary: "Make a connection the one that serves a capability in its tenant.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /connections/{id}/serve", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in serveIn) (none, error) {
			return none{}, h.Connections.TakeOver(ctx, c.Caller, in.ID, in.Capability)
		}),
		action.Define(action.Spec{Name: "connection.serving", Summary: "List which connection serves each capability of each tenant, and where others overlap.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /serving"}, func(ctx context.Context, _ action.Call, _ none) (servingOut, error) {
			rows, err := h.Connections.ServingTable(ctx)
			return servingOut{rows}, err
		}),
		action.Define(action.Spec{Name: "connection.remove", Summary: "Disconnect: erase a connection with its credential and tokens.", Effect: action.Deletes, Target: action.OnHub, Scope: access.OwnConnection,
			Route: "DELETE /connections/{id}", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in byID) (connection.Disconnected, error) {
			if err := h.mayConfigure(ctx, c.Caller, in.ID); err != nil {
				return connection.Disconnected{}, err
			}
			return h.Connections.Remove(ctx, c.Caller, in.ID)
		}),
		action.Define(action.Spec{Name: "mailbox.list", Summary: "List a connection's mailboxes with what Microsoft says of them.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /connections/{id}/mailboxes", Args: []string{"id"}}, func(ctx context.Context, _ action.Call, in byID) (mailboxList, error) {
			c, err := h.Connections.Lookup(ctx, in.ID)
			return mailboxList{c.Mailboxes}, err
		}),
		action.Define(action.Spec{Name: "mailbox.add", Summary: "Add mailboxes to a connection's list.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /connections/{id}/mailboxes", Args: []string{"id", "mailboxes"}}, h.addMailboxes),
		action.Define(action.Spec{Name: "mailbox.remove", Summary: "Take mailboxes off a connection's list.", Effect: action.Deletes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "DELETE /connections/{id}/mailboxes", Args: []string{"id", "mailboxes"}}, h.removeMailboxes),
	}
}

type servingOut struct {
	Serving []connection.Serving `json:"serving"`
}

func (h *Hub) listConnections(ctx context.Context, _ action.Call, _ none) (connectionList, error) {
	all, err := h.Connections.List(ctx)
	out := connectionList{Connections: make([]ConnectionView, 0, len(all))}
	for _, c := range all {
		out.Connections = append(out.Connections, h.view(c))
	}
	return out, err
}

// own gives a delegated form its owner: whoever enters it, unless another person is named.
func (h *Hub) own(f *connection.Form, c action.Call) {
	if f.Kind == m365.Delegated && f.Owner == "" {
		f.Owner = c.Caller.ID
	}
}

func (h *Hub) addConnection(ctx context.Context, c action.Call, in connection.Form) (tested, error) {
	if err := h.offered(in.Kind, in.Allowed); err != nil {
		return tested{}, err
	}
	if in.Owner != "" {
		p, err := h.Access.LookupPerson(ctx, in.Owner)
		if err != nil {
			return tested{}, fault.BadField("owner", "there is no person %q", in.Owner)
		}
		in.Owner = p.ID
	}
	h.own(&in, c)
	added, test, err := h.Connections.Add(ctx, c.Caller, in)
	if err != nil {
		return tested{}, err
	}
	view := h.view(added)
	return tested{&view, test}, nil
}

func (h *Hub) testConnection(ctx context.Context, _ action.Call, in byID) (tested, error) {
	c, test, err := h.Connections.Prove(ctx, in.ID)
	if err != nil {
		return tested{}, err
	}
	view := h.view(c)
	return tested{&view, test}, nil
}

// offered refuses to allow by name what Microsoft does not have for the kind of connection: with the first call it would be late to say so.
func (h *Hub) offered(kind m365.Mode, allowed []string) error {
	for _, name := range allowed {
		if a, known := h.Runner.Registry().Lookup(name); known && a.Target == action.OnConnection {
			if err := a.Available(kind); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *Hub) changeConnection(ctx context.Context, c action.Call, in changeIn) (tested, error) {
	if in.Allowed != nil {
		now, err := h.Connections.Lookup(ctx, in.ID)
		if err == nil {
			err = h.offered(now.Kind, *in.Allowed)
		}
		if err != nil {
			return tested{}, err
		}
	}
	e := connection.Edit{Name: in.Name, Mailboxes: in.Mailboxes, Sites: in.Sites, Teams: in.Teams, SitesSelected: in.SitesSelected, MailboxesLimited: in.MailboxesLimited, MailboxOutside: in.MailboxOutside, ReadOnly: in.ReadOnly, Allowed: in.Allowed, Version: in.Version}
	if in.Capabilities != nil {
		e.Capabilities = &in.Capabilities
	}
	after, test, err := h.Connections.Change(ctx, c.Caller, in.ID, e)
	if err != nil {
		return tested{}, err
	}
	view := h.view(after)
	return tested{&view, test}, nil
}

// mayConfigure lets people set up what is their own, and whoever configures the hub all of it.
func (h *Hub) mayConfigure(ctx context.Context, by access.Caller, idOrName string) error {
	c, _, err := h.Connections.Through(ctx, by, idOrName)
	if err != nil {
		return err
	}
	return access.Configures(by, c.Owner)
}

func (h *Hub) followOwn(ctx context.Context, c action.Call, in followOwnIn) (tested, error) {
	if err := h.mayConfigure(ctx, c.Caller, in.ID); err != nil {
		return tested{}, err
	}
	after, test, err := h.Connections.Follow(ctx, c.Caller, in.ID, cmp.Or(in.What, m365.Timeline), !in.Stop)
	if err != nil {
		return tested{}, err
	}
	view := h.view(after)
	return tested{&view, test}, nil
}

func (h *Hub) addMailboxes(ctx context.Context, c action.Call, in mailboxIn) (mailboxList, error) {
	entered := connection.ParseMailboxes(in.List)
	if len(entered) == 0 {
		return mailboxList{}, fault.BadField("mailboxes", "Enter at least one mailbox address")
	}
	now, err := h.Connections.Lookup(ctx, in.ID)
	if err != nil {
		return mailboxList{}, err
	}
	list := entriesOf(now)
	for _, e := range entered {
		e.Purposes = in.Purposes
		list = slices.DeleteFunc(list, func(old connection.MailboxEntry) bool { return old.Address == e.Address })
		list = append(list, e)
	}
	return h.setMailboxes(ctx, c, now, list)
}

func (h *Hub) removeMailboxes(ctx context.Context, c action.Call, in mailboxIn) (mailboxList, error) {
	now, err := h.Connections.Lookup(ctx, in.ID)
	if err != nil {
		return mailboxList{}, err
	}
	list := entriesOf(now)
	for _, e := range connection.ParseMailboxes(in.List) {
		before := len(list)
		list = slices.DeleteFunc(list, func(old connection.MailboxEntry) bool { return strings.EqualFold(old.Address, e.Address) })
		if len(list) == before {
			return mailboxList{}, fault.Missing("mailbox", e.Address)
		}
	}
	return h.setMailboxes(ctx, c, now, list)
}

func entriesOf(c connection.Connection) connection.MailboxList {
	list := connection.MailboxList{}
	for _, m := range c.Mailboxes {
		list = append(list, connection.MailboxEntry{Address: m.Address, Purposes: m.Purposes})
	}
	return list
}

func (h *Hub) setMailboxes(ctx context.Context, c action.Call, now connection.Connection, list connection.MailboxList) (mailboxList, error) {
	after, _, err := h.Connections.Change(ctx, c.Caller, now.ID, connection.Edit{Mailboxes: &list, Version: now.Version})
	return mailboxList{after.Mailboxes}, err
}
