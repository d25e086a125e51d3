package graph

import (
	"net/http"
	"strings"

	"seneschal/internal/sim/world"
)

// mostOverrides is how many a mailbox may have: inferenceclassification-post-overrides.md.
const mostOverrides = 1000

var overrideForm = form{"classifyAs": wordOf("focused", "other"), "senderEmailAddress": anObject}

func listOverrides(c *call) (reply, *problem) {
	items := func(yield func(world.Object) bool) {
		for _, o := range c.s.world.Scan(c.box, world.FocusOverrides) {
			if !yield(public(o)) {
				return
			}
		}
	}
	return c.page(c.mailPage("inferenceClassification/overrides"), items, itself)
}

func senderOf(override world.Object) string {
	return strings.ToLower(world.Text(paramObject(override, "senderEmailAddress"), "address"))
}

// setOverride makes an override, or changes that of the same address: inferenceclassification-post-overrides.md.
func setOverride(c *call) (reply, *problem) {
	in, p := c.json()
	if p == nil {
		p = overrideForm.check(in)
	}
	if p != nil {
		return reply{}, p
	}
	sender := senderOf(in)
	if !strings.Contains(sender, "@") || world.Text(in, "classifyAs") == "" {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "classifyAs and the address of the sender are required.")
	}
	id, n := c.s.world.NewGUID(), 0
	for key, o := range c.s.world.Scan(c.box, world.FocusOverrides) {
		n++
		if senderOf(o) == sender {
			id = key
		}
	}
	key := world.Key{Scope: c.box, Collection: world.FocusOverrides, ID: id}
	if _, there := c.s.world.Get(key); !there && n >= mostOverrides {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "The mailbox has the most overrides that it may have.")
	}
	o := world.Object{"id": id, "classifyAs": in["classifyAs"], "senderEmailAddress": in["senderEmailAddress"]}
	c.s.world.Put(key, o)
	return created(o), nil
}

func (c *call) override() (world.Key, world.Object, *problem) {
	key := world.Key{Scope: c.box, Collection: world.FocusOverrides, ID: strings.ToLower(c.params["inferenceClassificationOverride-id"])}
	o, found := c.s.world.Get(key)
	if !found {
		return key, nil, itemNotFound()
	}
	return key, o, nil
}

// patchOverride changes classifyAs alone: inferenceclassificationoverride-update.md.
func patchOverride(c *call) (reply, *problem) {
	key, o, p := c.override()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p == nil {
		p = form{"classifyAs": overrideForm["classifyAs"]}.check(in)
	}
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	for k, v := range in {
		n[k] = v
	}
	c.s.world.Put(key, n)
	return c.one("users('"+c.userID()+"')/inferenceClassification/overrides", n)
}

func deleteOverride(c *call) (reply, *problem) {
	key, _, p := c.override()
	if p != nil {
		return reply{}, p
	}
	c.s.world.Delete(key)
	return empty(http.StatusNoContent), nil
}

// classify says into which part of the inbox a new message goes.
func (s *Server) classify(box string, m world.Object) {
	_, from := world.Address(m["from"])
	for _, o := range s.world.Scan(box, world.FocusOverrides) {
		if strings.EqualFold(senderOf(o), from) {
			m["inferenceClassification"] = o["classifyAs"]
		}
	}
}
