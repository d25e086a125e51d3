package world

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
)

// sortedPermissions gives the permissions in a fixed order.
func sortedPermissions() []Permission {
	all := Permissions()
	out := make([]Permission, 0, len(all))
	for _, p := range all {
		out = append(out, p)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// people generates the users of a large world: user00000@domain and so on.
type people struct {
	w    *World
	t    TenantSpec
	n    int
	tail string // the last bytes of each id, from the seed
}

// Len is the number of generated users.
func (p *people) Len() int { return p.n }

func (p *people) id(i int) string { return fmt.Sprintf("%08x-%s", i, p.tail) }

func (p *people) upn(i int) string { return fmt.Sprintf("user%05d@%s", i, p.t.Domain) }

// At generates one user.
func (p *people) At(i int) (string, Object) {
	upn, created := p.upn(i), Stamp(p.w.head.Start.AddDate(-1, 0, 0))
	return p.id(i), Object{
		"id": p.id(i), "userPrincipalName": upn, "displayName": fmt.Sprintf("User %05d", i), "givenName": "User", "surname": fmt.Sprintf("%05d", i), "jobTitle": nil, "mail": upn,
		"mailNickname": upn[:strings.Index(upn, "@")], "proxyAddresses": []any{"SMTP:" + upn}, "accountEnabled": true, "userType": "Member",
		"assignedLicenses": []any{Object{"disabledPlans": []any{}, "skuId": skuE3}}, "businessPhones": []any{}, "mobilePhone": nil, "officeLocation": nil, "preferredLanguage": "en-US",
		"department": nil, "companyName": p.t.DisplayName, "usageLocation": "DE", "createdDateTime": created, "deletedDateTime": nil, "signInSessionsValidFromDateTime": created,
		"~password": p.Password(i), "~mailbox": true, "~purpose": "user", "~roles": []any{},
	}
}

// Password of a generated user.
func (p *people) Password(i int) string { return fmt.Sprintf("User-Pass-%05d", i) }

// Index finds a user by id.
func (p *people) Index(id string) (int, bool) {
	head, tail, ok := strings.Cut(id, "-")
	i, err := strconv.ParseUint(head, 16, 32)
	return int(i), ok && err == nil && tail == p.tail && int(i) < p.n
}

func (p *people) byUPN(upn string) (int, bool) {
	local, domain, _ := strings.Cut(strings.ToLower(upn), "@")
	i, err := strconv.Atoi(strings.TrimPrefix(local, "user"))
	return i, err == nil && domain == p.t.Domain && i >= 0 && i < p.n && p.upn(i) == strings.ToLower(upn)
}

// letters generates the messages of one inbox, newest first.
type letters struct {
	w      *World
	userID string
	owner  Object
	folder string
	n      int
}

const letterInterval = 7 * time.Minute

// Len is the number of generated messages.
func (l *letters) Len() int { return l.n }

// Unread is how many of them are unread, and Folder where they lie: a folder's counts need no generation.
func (l *letters) Unread() int { return l.n - (l.n+2)/3 }

// Folder is the inbox.
func (l *letters) Folder() string { return l.folder }

// At generates one message. Its key holds its index, so that looking it up needs no search.
func (l *letters) At(i int) (string, Object) {
	at := l.w.head.Start.Add(-time.Duration(i+1) * letterInterval)
	from := Recipient(fmt.Sprintf("Sender %d", i%97), fmt.Sprintf("sender%d@customer%d.example", i%97, i%7))
	m := Message(Mail{
		Folder: l.folder, Subject: fmt.Sprintf("Message %d of this mailbox", i), Text: fmt.Sprintf("This is message %d. It was generated as it was read and says the same each time.", i),
		From: from, To: []Object{l.owner}, At: at, InternetID: fmt.Sprintf("<%d.%s@large.example>", i, l.userID), Conversation: l.key(i), Read: i%3 == 0,
	})
	return l.key(i), m
}

func (l *letters) key(i int) string {
	var b [16]byte
	binary.BigEndian.PutUint32(b[:], uint32(i))
	d := l.w.digest("letter", l.userID)
	copy(b[4:], d[:12])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Index finds a message by key.
func (l *letters) Index(id string) (int, bool) {
	b, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(b) != 16 {
		return 0, false
	}
	i := int(binary.BigEndian.Uint32(b))
	return i, i < l.n && l.key(i) == id
}

// fixed is a short generated collection: a mailbox's folders, its calendar, its settings.
type fixed []seedItem

type seedItem struct {
	collection, id string
	obj            Object
}

// Len is the number of items.
func (f fixed) Len() int { return len(f) }

// At gives one item.
func (f fixed) At(i int) (string, Object) { return f[i].id, f[i].obj }

// Index finds an item by id.
func (f fixed) Index(id string) (int, bool) {
	for i := range f {
		if f[i].id == id {
			return i, true
		}
	}
	return 0, false
}

// seedGenerated installs the generators. A mailbox's collections are made anew at each read and kept only once something in them was changed.
func (w *World) seedGenerated(t TenantSpec) {
	p := &people{w: w, t: t, n: w.head.Users, tail: w.GUID("people", t.ID)[9:]}
	w.store.at(t.ID, Users).base = p
	w.store.lazy = append(w.store.lazy, func(scope, collection string) Base {
		id, _ := strings.CutPrefix(scope, "mailbox:")
		i, ok := p.Index(id)
		if !ok {
			return nil
		}
		_, u := p.At(i)
		name, upn := text(u, "displayName"), text(u, "userPrincipalName")
		if collection == Messages {
			return &letters{w: w, userID: id, owner: Recipient(name, upn), folder: w.FolderKey(id, "inbox"), n: w.head.Mails}
		}
		var items fixed
		for _, s := range w.mailboxSeeds(id, name, upn, "user", t.TimeZone) {
			if s.collection == collection {
				items = append(items, s)
			}
		}
		return items
	})
}
