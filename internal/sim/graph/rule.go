package graph

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

var (
	ruleForm = form{"displayName": aText, "sequence": aNumber, "isEnabled": aBool, "conditions": anObject, "exceptions": anObject, "actions": anObject}

	importances = wordOf("low", "normal", "high")

	// predicateForm is resources/messagerulepredicates.md.
	predicateForm = form{"bodyContains": texts(0), "bodyOrSubjectContains": texts(0), "categories": texts(0), "fromAddresses": objects(0), "hasAttachments": aBool, "headerContains": texts(0), "importance": importances,
		"isApprovalRequest": aBool, "isAutomaticForward": aBool, "isAutomaticReply": aBool, "isEncrypted": aBool, "isMeetingRequest": aBool, "isMeetingResponse": aBool, "isNonDeliveryReport": aBool,
		"isPermissionControlled": aBool, "isReadReceipt": aBool, "isSigned": aBool, "isVoicemail": aBool,
		"messageActionFlag": wordOf("any", "call", "doNotForward", "followUp", "fyi", "forward", "noResponseNecessary", "read", "reply", "replyToAll", "review"),
		"notSentToMe":       aBool, "recipientContains": texts(0), "senderContains": texts(0), "sensitivity": wordOf("normal", "personal", "private", "confidential"), "sentCcMe": aBool, "sentOnlyToMe": aBool,
		"sentToAddresses": objects(0), "sentToMe": aBool, "sentToOrCcMe": aBool, "subjectContains": texts(0), "withinSizeRange": anObject}

	// doingForm is resources/messageruleactions.md.
	doingForm = form{"assignCategories": texts(0), "copyToFolder": aText, "delete": aBool, "forwardAsAttachmentTo": objects(0), "forwardTo": objects(0), "markAsRead": aBool, "markImportance": importances,
		"moveToFolder": aText, "permanentDelete": aBool, "redirectTo": objects(0), "stopProcessingRules": aBool}
)

func ruleID(key string) string { return stableID("AQAAAJ", key) }

// inboxOnly: rules are the inbox's (mailfolder-list-messagerules.md has no other path). The code is not on the page.
func (c *call) inboxOnly() *problem {
	key, _, p := c.folder(c.params["mailFolder-id"])
	if p == nil && key != c.s.world.FolderKey(c.userID(), "inbox") {
		p = fail(http.StatusBadRequest, "ErrorInvalidRequest", "Rules belong to the Inbox.")
	}
	return p
}

func (c *call) rule() (world.Key, world.Object, *problem) {
	if p := c.inboxOnly(); p != nil {
		return world.Key{}, nil, p
	}
	id, p := parseStable("AQAAAJ", c.params["messageRule-id"])
	if p != nil {
		return world.Key{}, nil, p
	}
	key := world.Key{Scope: c.box, Collection: world.Rules, ID: id}
	o, found := c.s.world.Get(key)
	if !found {
		return key, nil, itemNotFound()
	}
	return key, o, nil
}

func renderRule(key string, o world.Object) world.Object {
	out := public(o)
	out["id"] = ruleID(key)
	return out
}

// rules are a mailbox's, in the order in which they run.
func (s *Server) rules(box string) []kept {
	var out []kept
	for id, o := range s.world.Scan(box, world.Rules) {
		out = append(out, kept{id, o})
	}
	slices.SortStableFunc(out, func(a, b kept) int {
		return cmp.Compare(world.Number(a.object, "sequence"), world.Number(b.object, "sequence"))
	})
	return out
}

func (c *call) rulePage() listing { return c.mailPage("mailFolders('inbox')/messageRules") }

func listRules(c *call) (reply, *problem) {
	if p := c.inboxOnly(); p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for _, r := range c.s.rules(c.box) {
			if !yield(renderRule(r.id, r.object)) {
				return
			}
		}
	}
	return c.page(c.rulePage(), items, itself)
}

func getRule(c *call) (reply, *problem) {
	key, o, p := c.rule()
	if p != nil {
		return reply{}, p
	}
	return c.one(c.rulePage().context, renderRule(key.ID, o))
}

// readRule reads what a client writes. Conditions, exceptions and actions are whole (the example of messagerule-update.md: what it leaves out
// is gone), and nothing that says nothing is kept.
func (c *call) readRule() (world.Object, *problem) {
	in, p := c.json()
	if p == nil {
		p = ruleForm.check(in)
	}
	if p != nil {
		return nil, p
	}
	for name, parts := range map[string]form{"conditions": predicateForm, "exceptions": predicateForm, "actions": doingForm} {
		part, _ := in[name].(world.Object)
		if p := parts.check(part); p != nil {
			return nil, p
		}
		for k, v := range part {
			if list, is := v.([]any); v == nil || is && len(list) == 0 {
				delete(part, k)
			}
		}
	}
	// The examples answer senderContains in capitals.
	if k, _ := in["conditions"].(world.Object); k["senderContains"] != nil {
		words := []any{}
		for _, w := range world.Strings(k["senderContains"]) {
			words = append(words, strings.ToUpper(w))
		}
		k["senderContains"] = words
	}
	return in, nil
}

// soundRule wants a name, a place and something to do (mailfolder-post-messagerules.md), folders that there are, and recipients with an
// address. The codes are not on the page.
func (c *call) soundRule(o world.Object) *problem {
	doing, _ := o["actions"].(world.Object)
	if world.Text(o, "displayName") == "" || world.Number(o, "sequence") < 1 || len(doing) == 0 {
		return fail(http.StatusBadRequest, "ErrorInvalidRequest", "A rule needs displayName, sequence and actions.")
	}
	for _, name := range []string{"moveToFolder", "copyToFolder"} {
		if id := world.Text(doing, name); id != "" {
			key, p := parseStable(folderPrefix, id)
			if p != nil {
				return p
			}
			if _, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.MailFolders, ID: key}); !found {
				return itemNotFound()
			}
		}
	}
	for _, name := range []string{"forwardTo", "forwardAsAttachmentTo", "redirectTo"} {
		for _, r := range world.Objects(doing[name]) {
			if _, a := world.Address(r); !strings.Contains(a, "@") {
				return fail(http.StatusBadRequest, "ErrorInvalidRecipients", "At least one recipient is not valid.")
			}
		}
	}
	return nil
}

func createRule(c *call) (reply, *problem) {
	if p := c.inboxOnly(); p != nil {
		return reply{}, p
	}
	in, p := c.readRule()
	if p != nil {
		return reply{}, p
	}
	o := world.Object{"isEnabled": true, "hasError": false, "isReadOnly": false}
	for k, v := range in {
		o[k] = v
	}
	if p := c.soundRule(o); p != nil {
		return reply{}, p
	}
	key := c.s.world.NewKey()
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Rules, ID: key}, o)
	return created(renderRule(key, o)), nil
}

func patchRule(c *call) (reply, *problem) {
	key, o, p := c.rule()
	if p != nil {
		return reply{}, p
	}
	in, p := c.readRule()
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	for k, v := range in {
		if n[k] = v; v == nil {
			delete(n, k)
		}
	}
	if p := c.soundRule(n); p != nil {
		return reply{}, p
	}
	c.s.world.Put(key, n)
	return c.one(c.rulePage().context, renderRule(key.ID, n))
}

func deleteRule(c *call) (reply, *problem) {
	key, _, p := c.rule()
	if p != nil {
		return reply{}, p
	}
	c.s.world.Delete(key)
	return empty(http.StatusNoContent), nil
}
