package graph

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

// Times of deliveries: graph/FACTS §6.1, §6.3.
const (
	handshakeTime = 10 * time.Second
	deliveryTime  = 10 * time.Second
	retryFor      = 4 * time.Hour
	firstRetry    = 10 * time.Second
	warnBefore    = 15 * time.Minute // reauthorizationRequired comes this long before the expiry
)

// notifier delivers change notifications. What waits is lost with the process, as real notifications may be: the delta link is the truth.
type notifier struct {
	s      *Server
	client *http.Client
	wake   chan struct{}
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	waiting []delivery
	carried map[string]delivery     // by subscription: the last one with resource data, to be played again
	first   map[string]world.Object // by application: the first certificate that it had notifications encrypted for
}

// delivery is one notification on its way to an address.
type delivery struct {
	address   string
	item      world.Object
	tenant    string
	audience  string // client id for validationTokens, "" without resource data
	wrong     string // what is wrong with its validationTokens, "" if nothing is
	due       time.Time
	until     time.Time
	nextDelay time.Duration
}

func (n *notifier) start(s *Server) {
	n.s, n.wake = s, make(chan struct{}, 1)
	// A hub under test shows a certificate that nobody else trusts.
	n.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} //nolint:gosec // see above
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.done.Add(1)
	go n.run(ctx)
}

func (n *notifier) close() {
	n.stop()
	n.done.Wait()
	n.client.CloseIdleConnections()
}

// handshake proves that the address is the subscriber's: graph/FACTS §6.1.
func (n *notifier) handshake(ctx context.Context, address string) *problem {
	invalid := func(text string) *problem {
		return fail(http.StatusBadRequest, "ValidationError", "Subscription validation request failed. "+text)
	}
	if !allowedURL(address) {
		return invalid("Notification URL must be https (http on loopback is accepted by the simulator).")
	}
	u, err := url.Parse(address)
	if err != nil {
		return invalid("Notification URL cannot be read.")
	}
	token := "Validation: Testing client application reachability for subscription Request-Id: " + n.s.world.NewGUID()
	q := u.Query()
	q.Set("validationToken", token)
	u.RawQuery = q.Encode()
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), http.NoBody)
	if err != nil {
		return invalid("Notification URL cannot be called.")
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := n.client.Do(req)
	if err != nil {
		return invalid("Notification endpoint must respond with 200 OK to validation request: " + err.Error())
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil || resp.StatusCode != http.StatusOK || string(body) != token || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		return invalid(fmt.Sprintf("Response must have 200 OK, content type text/plain and the validation token as body; it had %d, %q.", resp.StatusCode, resp.Header.Get("Content-Type")))
	}
	return nil
}

// changed looks for subscriptions to a committed change.
func (n *notifier) changed(ch world.Change) {
	if !slices.Contains([]string{world.Messages, world.Events, world.Contacts, world.Users, world.DriveItems, world.ListItems}, ch.Key.Collection) {
		return
	}
	for _, t := range n.s.world.Tenants() {
		for sub := range n.s.world.All(t.ID, world.Subscriptions) {
			if world.Text(sub, "~scope") == ch.Key.Scope && world.Text(sub, "~collection") == ch.Key.Collection {
				n.tell(t, sub, ch)
			}
		}
	}
}

func (n *notifier) tell(t world.Tenant, sub world.Object, ch world.Change) {
	if world.Flag(sub, "~paused") || world.Time(sub, "expirationDateTime").Before(n.s.world.Now()) {
		return // lost while unanswered: graph/FACTS §6.4
	}
	for _, ev := range eventsOf(sub, ch) {
		if !strings.Contains(strings.ToLower(world.Text(sub, "changeType")), ev.kind) {
			continue
		}
		n.queue(t, sub, ch, ev)
	}
}

// happening is one change as a subscriber sees it.
type happening struct {
	kind   string
	object world.Object // for a deletion as it was
}

// eventsOf translates: a move out of the folder or the filter is a deletion, a move in a creation: graph/FACTS §6.3.
func eventsOf(sub world.Object, ch world.Change) []happening {
	if ofFiles(sub) {
		return []happening{{"updated", ch.New}} // whatever happened: graph/FACTS §6.2
	}
	filter := filterOf(world.Text(sub, "resource"))
	in := func(o world.Object) bool {
		if o == nil {
			return false
		}
		folder := world.Text(sub, "~folder")
		return (folder == "" || world.Text(o, world.Partition) == folder) && (filter == nil || filter.Match(o))
	}
	was, is := in(ch.Old), in(ch.New)
	switch {
	case !was && is:
		return []happening{{"created", ch.New}}
	case was && !is:
		return []happening{{"deleted", ch.Old}}
	case was && is && !world.Flag(sub, "~immutable") && world.Number(ch.Old, "~moves") != world.Number(ch.New, "~moves"):
		return []happening{{"deleted", ch.Old}, {"created", ch.New}} // the default id changed
	case was && is:
		return []happening{{"updated", ch.New}}
	}
	return nil
}

func filterOf(resource string) *odata.Filter {
	_, query, _ := strings.Cut(resource, "?")
	v, err := url.ParseQuery(query)
	if err != nil {
		return nil
	}
	q, err := odata.Parse(v)
	if err != nil {
		return nil
	}
	return q.Filter
}

func (n *notifier) queue(t world.Tenant, sub world.Object, ch world.Change, ev happening) {
	now := n.s.world.Now()
	item := n.item(t, sub, ch, ev)
	d := delivery{address: world.Text(sub, "notificationUrl"), item: item, tenant: t.ID, due: now, until: now.Add(retryFor), nextDelay: firstRetry}
	if world.Flag(sub, "includeResourceData") && ev.kind != "deleted" {
		if err := n.encrypt(sub, ch, ev, item); err != nil {
			n.s.world.Log.Warn("a notification could not be encrypted", "error", err)
		}
		d.audience = world.Text(sub, "applicationId")
	}
	note := trouble.Request{Method: "NOTIFY", Path: "/" + strings.TrimPrefix(world.Text(sub, "resource"), "/"), Tenant: t.ID}
	if _, silent := n.s.faults.Take(note, trouble.SilentSubscription); silent {
		return
	}
	if f, late := n.s.faults.Take(note, trouble.LateDelivery); late {
		wait, err := time.ParseDuration(f.Delay)
		if err != nil {
			wait = 5 * time.Minute
		}
		d.due = d.due.Add(wait)
	}
	list := []delivery{d}
	if d.audience != "" {
		list = n.spoil(note, sub, ch, ev, d)
	}
	if _, twice := n.s.faults.Take(note, trouble.DuplicateDelivery); twice {
		list = append(list, d)
	}
	if _, forged := n.s.faults.Take(note, trouble.ForgedDelivery); forged {
		f := d
		f.item = world.Clone(item)
		f.item["clientState"], f.item["subscriptionId"] = "forged", n.s.world.NewGUID()
		list = append(list, f)
	}
	n.add(list...)
}

func (n *notifier) add(list ...delivery) {
	n.mu.Lock()
	n.waiting = append(n.waiting, list...)
	n.mu.Unlock()
	n.nudge()
}

func (n *notifier) nudge() {
	select {
	case n.wake <- struct{}{}:
	default: // it is awake already
	}
}

func (n *notifier) item(t world.Tenant, sub world.Object, ch world.Change, ev happening) world.Object {
	id, resource, kind := ch.Key.ID, "Users/"+ch.Key.ID, "#Microsoft.Graph.User"
	data := world.Object{}
	switch {
	case ofFiles(sub): // which item it was is not told: graph/FACTS §6.2, "only the root"; the form is recall
		resource, kind = world.Text(sub, "resource"), "#Microsoft.Graph.DriveItem"
		if ch.Key.Collection == world.ListItems {
			kind = "#Microsoft.Graph.ListItem"
		}
		data["@odata.type"] = kind
		return n.envelope(t, sub, ev.kind, resource, data)
	case ch.Key.Collection != world.Users:
		id = itemID(ch.Key.ID, world.Number(ev.object, "~moves"), world.Flag(sub, "~immutable"))
		name := map[string]string{world.Messages: "Message", world.Events: "Event", world.Contacts: "Contact"}[ch.Key.Collection]
		resource, kind = "Users/"+world.Text(sub, "~user")+"/"+name+"s/"+id, "#Microsoft.Graph."+name
		data["@odata.etag"] = etag(ch.Key.ID, ev.object)
	}
	data["@odata.type"], data["@odata.id"], data["id"] = kind, resource, id
	return n.envelope(t, sub, ev.kind, resource, data)
}

func (n *notifier) envelope(t world.Tenant, sub world.Object, change, resource string, data world.Object) world.Object {
	return world.Object{
		"id": n.s.world.NewGUID(), "subscriptionId": sub["id"], "subscriptionExpirationDateTime": sub["expirationDateTime"], "clientState": sub["clientState"],
		"changeType": change, "resource": resource, "tenantId": t.ID, "resourceData": data,
	}
}

// run delivers what is due until the server closes.
func (n *notifier) run(ctx context.Context) {
	defer n.done.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		}
		for _, group := range n.takeDue() {
			n.send(ctx, group)
		}
	}
}

// takeDue groups what is due by address: one POST can mix subscriptions and tenants, graph/FACTS §6.3.
func (n *notifier) takeDue() [][]delivery {
	now := n.s.world.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	var later []delivery
	var order []string
	groups := map[string][]delivery{}
	for _, d := range n.waiting {
		switch {
		case d.until.Before(now):
			continue // dropped for good after four hours
		case d.due.After(now):
			later = append(later, d)
		default:
			key := d.address
			if d.wrong != "" {
				key += " " + d.wrong // a bad token spoils nobody else's POST
			}
			if groups[key] == nil {
				order = append(order, key)
			}
			groups[key] = append(groups[key], d)
		}
	}
	n.waiting = later
	var out [][]delivery
	for _, a := range order {
		for chunk := range slices.Chunk(groups[a], 50) {
			out = append(out, chunk)
		}
	}
	return out
}

func (n *notifier) send(ctx context.Context, group []delivery) {
	if n.post(ctx, group) == nil {
		n.s.record.Count("notifications_delivered", len(group))
		return
	}
	n.s.record.Count("notifications_failed", len(group))
	now := n.s.world.Now()
	for i := range group {
		group[i].due = now.Add(group[i].nextDelay)
		group[i].nextDelay *= 2
	}
	n.mu.Lock()
	n.waiting = append(n.waiting, group...)
	n.mu.Unlock()
}

func (n *notifier) post(ctx context.Context, group []delivery) error {
	body := world.Object{}
	var items, tokens []any
	seen := map[string]bool{}
	for _, d := range group {
		items = append(items, d.item)
		if d.audience != "" && !seen[d.tenant+d.audience] {
			seen[d.tenant+d.audience] = true
			t, err := n.s.entra.ChangeTrackingToken(d.tenant, d.audience, d.wrong)
			if err != nil {
				return err
			}
			if t != "" {
				tokens = append(tokens, t)
			}
		}
	}
	body["value"] = items
	if tokens != nil {
		body["validationTokens"] = tokens
	}
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, deliveryTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, group[0].address, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := n.client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode >= 300 {
		err = errors.Join(err, fmt.Errorf("the subscriber answered %d", resp.StatusCode))
	}
	return errors.Join(err, resp.Body.Close())
}

// tick ends subscriptions, warns before they end, and looks for what became due.
func (n *notifier) tick() {
	now := n.s.world.Now()
	for _, t := range n.s.world.Tenants() {
		for id, sub := range n.s.world.Scan(t.ID, world.Subscriptions) {
			k := world.Key{Scope: t.ID, Collection: world.Subscriptions, ID: id}
			left := world.Time(sub, "expirationDateTime").Sub(now)
			switch {
			case left <= 0:
				n.s.world.Delete(k)
			case left < warnBefore && !world.Flag(sub, "~warned"):
				o := world.Clone(sub)
				o["~warned"] = true
				n.s.world.Put(k, o)
				n.lifecycle(t.ID, o, "reauthorizationRequired")
			}
		}
	}
	n.mu.Lock()
	waiting := len(n.waiting) > 0
	n.mu.Unlock()
	if waiting {
		n.nudge()
	}
}

func (n *notifier) lifecycle(tenant string, sub world.Object, event string) {
	address := world.Text(sub, "lifecycleNotificationUrl")
	if address == "" {
		return
	}
	now := n.s.world.Now()
	n.add(delivery{address: address, tenant: tenant, due: now, until: now.Add(retryFor), nextDelay: firstRetry, item: world.Object{
		"id": n.s.world.NewGUID(), "subscriptionId": sub["id"], "subscriptionExpirationDateTime": sub["expirationDateTime"], "clientState": sub["clientState"], "tenantId": tenant,
		"lifecycleEvent": event, "resource": sub["resource"], "resourceData": nil,
	}})
}

// Lifecycle plays a lifecycle event on every subscription: graph/FACTS §6.4. reauthorizationRequired pauses notifications, subscriptionRemoved removes the subscription.
func (s *Server) Lifecycle(event string) error {
	if !slices.Contains([]string{"reauthorizationRequired", "subscriptionRemoved", "missed"}, event) {
		return fmt.Errorf("unknown lifecycle event %q", event)
	}
	for _, t := range s.world.Tenants() {
		for id, sub := range s.world.Scan(t.ID, world.Subscriptions) {
			k := world.Key{Scope: t.ID, Collection: world.Subscriptions, ID: id}
			switch event {
			case "subscriptionRemoved":
				s.world.Delete(k)
			case "reauthorizationRequired":
				o := world.Clone(sub)
				o["~paused"], o["~warned"] = true, true
				s.world.Put(k, o)
			}
			s.notifier.lifecycle(t.ID, sub, event)
		}
	}
	return nil
}
