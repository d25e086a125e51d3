package app

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"

	"seneschal/internal/connection"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/connector/directory"
	"seneschal/internal/connector/mail"
	"seneschal/internal/customer"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/entra"
	"seneschal/internal/face/notify"
	"seneschal/internal/feed"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// joinFeeds makes what learns from Microsoft 365 continuously, and whom it teaches.
func (a *App) joinFeeds() {
	a.Customers = &customer.Service{Store: a.Store, Clock: a.Clock, Audit: a.Audit, Verified: a.Access.Verified}
	a.Access.Entered = a.Customers.EnteredFor
	follower, announcer := timeline.Follower{Engine: a.Timeline}, feed.Announcer{Events: a.Events}
	a.Feeds = &feed.Service{Store: a.Store, Clock: a.Clock, Log: a.Log, Connections: a.Connections, Jobs: scheduler{a}, Audit: a.Audit, Events: a.Events, Sources: sources(),
		Followers: map[feed.Kind][]feed.Follower{feed.Mail: {follower, announcer}, feed.Calendar: {follower, announcer, dispatch.Follower{Engine: a.Dispatch}}},
		Count: func(ctx context.Context, b connection.Bound, mailbox string) (map[string]int, error) {
			return mail.Counts(ctx, b.Graph, mailboxID(b, mailbox))
		}}
	a.Feeds.Remote, a.Feeds.NotifyURL, a.Feeds.HTTP = remote{}, a.notifyURL, &http.Client{Transport: a.Connections.Wire.Transport, Timeout: signInTimeout}
	a.Feeds.Vault, a.Feeds.Notary = a.Vault, notary{&entra.Notary{HTTP: a.Connections.HTTP, Now: a.Clock.Now}}
	a.Feeds.Contents = map[feed.Kind]feed.ContentReader{feed.Mail: func(plain []byte) (any, error) { return mail.ReadNote(plain) }}
	a.Connections.Leaving = a.Feeds.Leave
	a.Connections.Changed = func(ctx context.Context, tx *store.Tx, id string) error {
		return errors.Join(a.Feeds.Wanted(ctx, tx, id), a.Dispatch.Wanted(ctx, tx, id))
	}
	a.Customers.Changed = a.Feeds.Restart // what was dropped may be a customer's now, and what was kept nobody's
	*a.Timeline = timeline.Engine{Store: a.Store, Clock: a.Clock, Audit: a.Audit, Access: a.Access, Events: a.Events, Customers: a.Customers, Connections: a.Connections, Feeds: a.Feeds, Addresses: a.addressesOf}
}

// addressesOf gives every address that is a person's own: entered by an admin, or verified when they signed in. None is two people's.
func (a *App) addressesOf(ctx context.Context, person string) ([]string, error) {
	entered, err := a.Customers.AddressesOf(ctx, person)
	if err != nil {
		return nil, err
	}
	verified, err := a.Access.AddressesOf(ctx, person)
	all := slices.Concat(entered, verified)
	slices.Sort(all)
	return slices.Compact(all), err
}

// sources joins each kind of feed to its connector's iterator: connectors know nothing of feeds, and feeds nothing of Microsoft's types.
func sources() map[feed.Kind]feed.Source {
	return map[feed.Kind]feed.Source{feed.Folders: source(walkFolders), feed.Mail: source(walkMessages), feed.Calendar: source(walkCalendar), feed.Users: source(walkUsers),
		feed.Drive: source(walkDrive), feed.ContactFolders: source(walkContactFolders), feed.Contacts: source(walkContacts), feed.Site: source(walkSite), feed.List: source(walkList)}
}

type source func(ctx context.Context, b connection.Bound, f feed.Feed, from m365.DeltaLink, proof *graph.Proof) iter.Seq2[feed.Raw, error]

// Walk gives the pages with the proof of the last answer.
func (s source) Walk(ctx context.Context, b connection.Bound, f feed.Feed, from m365.DeltaLink) iter.Seq2[feed.Raw, error] {
	return func(yield func(feed.Raw, error) bool) {
		var proof graph.Proof
		for raw, err := range s(ctx, b, f, from, &proof) {
			raw.Proof = connection.Proof(proof)
			if !yield(raw, err) {
				return
			}
		}
	}
}

// mailboxID is how Microsoft is asked for a listed mailbox: by object id where it is known, as an alias is no key; a person's own as "me".
func mailboxID(b connection.Bound, address string) m365.UserID {
	if b.Connection.Kind == m365.Delegated {
		return ""
	}
	if m, ok := b.Connection.LookupMailbox(address); ok && m.ObjectID != "" {
		return m365.UserID(m.ObjectID)
	}
	return m365.UserID(address)
}

// pages turns a connector's pages into a feed's.
func pages[T any](walk iter.Seq2[graph.Page[T], error], id func(T) string, value func(T) any) iter.Seq2[feed.Raw, error] {
	return func(yield func(feed.Raw, error) bool) {
		for p, err := range walk {
			raw := feed.Raw{Link: p.Link, Last: p.Last, Reset: p.Reset}
			for _, i := range p.Items {
				raw.Items = append(raw.Items, feed.Item{ID: id(i), Value: value(i)})
			}
			for _, r := range p.Removed {
				raw.Removed = append(raw.Removed, r.ID)
			}
			for _, bad := range p.Broken {
				raw.Broken = append(raw.Broken, feed.Poison{Item: bad.ID, Err: bad.Err})
			}
			if !yield(raw, err) {
				return
			}
		}
	}
}

func whole[T any](v T) any { return v }

func walkMessages(ctx context.Context, b connection.Bound, f feed.Feed, from m365.DeltaLink, proof *graph.Proof) iter.Seq2[feed.Raw, error] {
	return pages(mail.WalkMessages(ctx, b.Graph, mailboxID(b, f.Mailbox), f.Resource, from, graph.Prove(proof)), func(m graph.Message) string { return m.ID }, whole)
}

func walkCalendar(ctx context.Context, b connection.Bound, f feed.Feed, from m365.DeltaLink, proof *graph.Proof) iter.Seq2[feed.Raw, error] {
	return pages(calendar.Walk(ctx, b.Graph, mailboxID(b, f.Mailbox), f.From(), f.To(), from, graph.Prove(proof)), func(e graph.Event) string { return e.ID }, whole)
}

// walkFolders asks which folders hold no correspondence before it walks: a folder's name says nothing, in any language.
func walkFolders(ctx context.Context, b connection.Bound, f feed.Feed, from m365.DeltaLink, proof *graph.Proof) iter.Seq2[feed.Raw, error] {
	mailbox := mailboxID(b, f.Mailbox)
	excluded, err := mail.Excluded(ctx, b.Graph, mailbox)
	if err != nil {
		return func(yield func(feed.Raw, error) bool) { yield(feed.Raw{}, err) }
	}
	return pages(mail.WalkFolders(ctx, b.Graph, mailbox, from, graph.Prove(proof)), func(v graph.MailFolder) string { return v.ID }, func(v graph.MailFolder) any {
		return feed.Folder{ID: v.ID, Parent: v.ParentFolderID, Title: v.DisplayName, Items: v.TotalItemCount, Excluded: excluded[v.ID]}
	})
}

func walkUsers(ctx context.Context, b connection.Bound, _ feed.Feed, from m365.DeltaLink, proof *graph.Proof) iter.Seq2[feed.Raw, error] {
	var people []string
	for _, m := range b.Connection.Mailboxes {
		if m.ObjectID != "" {
			people = append(people, m.ObjectID)
		}
	}
	return pages(directory.Walk(ctx, b.Graph, people, from, graph.Prove(proof)), func(u graph.User) string { return u.ID }, whole)
}

// notifyURL is where Microsoft may call: only a hub with a public address has one.
func (a *App) notifyURL() string {
	if a.Config.PublicURL == nil {
		return ""
	}
	return a.Config.PublicURL.JoinPath(notify.Path).String()
}

// notary joins feeds to entra's.
type notary struct{ *entra.Notary }

// Check gives whom the token is for.
func (n notary) Check(ctx context.Context, login, token string) (m365.ClientID, m365.TenantID, error) {
	v, err := n.Notary.Check(ctx, login, token)
	return v.Audience, v.Tenant, err
}

// remote joins feeds to Microsoft's subscriptions.
type remote struct{}

// Subscribe names the feed's collection as Microsoft wants it: relative, the mailbox by its id.
func (remote) Subscribe(ctx context.Context, b connection.Bound, f feed.Feed, s graph.Subscription) (graph.Subscription, error) {
	owner := "me"
	if id := mailboxID(b, f.Mailbox); id != "" {
		owner = "users/" + string(id)
	}
	switch f.Kind {
	case feed.Mail:
		s.Resource = owner + "/mailFolders('" + f.Resource + "')/messages"
		if s.IncludeResourceData {
			s.Resource += "?$select=" + mail.NoteFields // Outlook sends content of selected fields alone (graph/FACTS §6.5)
		}
	case feed.Calendar:
		s.Resource = owner + "/events"
	case feed.Contacts:
		s.Resource = owner + "/contactFolders/" + f.Resource + "/contacts"
	case feed.Drive, feed.List:
		// A library is told of as the list that it is: which site a drive belongs to, and whether that is allowed, its own id does not say.
		s.Resource = "sites/" + f.Site + "/lists/" + f.Resource
		if f.Site == "" {
			s.Resource = owner + "/drive/root"
		}
	default:
		s.Resource = "users"
	}
	return graph.Subscribe(ctx, b.Graph, s)
}

// Renew puts one off.
func (remote) Renew(ctx context.Context, b connection.Bound, id string, s graph.Subscription) (graph.Subscription, error) {
	return graph.Renew(ctx, b.Graph, id, s)
}

// Unsubscribe ends one.
func (remote) Unsubscribe(ctx context.Context, b connection.Bound, id string) error {
	return graph.Unsubscribe(ctx, b.Graph, id)
}

// List gives all of the app's own.
func (remote) List(ctx context.Context, b connection.Bound) ([]graph.Subscription, error) {
	return graph.Subscriptions(ctx, b.Graph)
}
