package graph

import (
	"net/http"
	"strings"

	"seneschal/internal/sim/world"
)

func contactHandlers() map[string]handler {
	const user, folder = "/users/{user-id}", "/users/{user-id}/contactFolders/{contactFolder-id}"
	out := map[string]handler{
		"GET " + user + "/contactFolders":     listContactFolders,
		"POST " + user + "/contactFolders":    createContactFolder,
		"GET " + folder:                       getContactFolder,
		"PATCH " + folder:                     renameContactFolder,
		"DELETE " + folder:                    deleteContactFolder,
		"GET " + folder + "/childFolders":     listContactFolders,
		"POST " + folder + "/childFolders":    createContactFolder,
		"GET " + folder + "/contacts/delta()": deltaContacts,
	}
	for _, in := range []string{user, folder} {
		out["GET "+in+"/contacts"] = listContacts
		out["POST "+in+"/contacts"] = createContact
		out["GET "+in+"/contacts/{contact-id}"] = getContact
		out["PATCH "+in+"/contacts/{contact-id}"] = patchContact
		out["DELETE "+in+"/contacts/{contact-id}"] = deleteContact
		out["GET "+in+"/contacts/{contact-id}/photo/$value"] = photoValue
		out["PUT "+in+"/contacts/{contact-id}/photo/$value"] = putPhoto
	}
	out["GET "+user+"/contacts/{contact-id}/photo"] = getPhoto
	return out
}

// contactFolder is the folder of the path; without one the default folder.
func (c *call) contactFolder() (string, world.Object, *problem) {
	key := c.s.world.ContactsKey(c.userID())
	if id := c.params["contactFolder-id"]; id != "" {
		var p *problem
		if key, p = parseStable(folderPrefix, id); p != nil {
			return "", nil, p
		}
	}
	o, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.ContactFolders, ID: key})
	if !found {
		return "", nil, itemNotFound()
	}
	return key, o, nil
}

func (c *call) renderContactFolder(key string, o world.Object) world.Object {
	out := public(o)
	out["id"], out["parentFolderId"] = stableID(folderPrefix, key), stableID(folderPrefix, world.Text(o, world.Partition))
	c.expandMessage(out, key, o)
	return out
}

// listContactFolders gives the folders below one. Without a folder it is the default one, which so is in no list: user-list-contactfolders.md.
func listContactFolders(c *call) (reply, *problem) {
	parent, _, p := c.contactFolder()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for key, f := range c.s.world.Scan(c.box, world.ContactFolders) {
			if world.Text(f, world.Partition) == parent && !yield(c.renderContactFolder(key, f)) {
				return
			}
		}
	}
	return c.page(c.mailPage("contactFolders"), items, itself)
}

func getContactFolder(c *call) (reply, *problem) {
	key, o, p := c.contactFolder()
	if p != nil {
		return reply{}, p
	}
	return c.one("users('"+c.userID()+"')/contactFolders", c.renderContactFolder(key, o))
}

// contactFolderName reads a new name, which none beside it may have.
func (c *call) contactFolderName(in world.Object, parent, self string) (string, *problem) {
	name := paramText(in, "displayName")
	if strings.TrimSpace(name) == "" {
		return "", fail(http.StatusBadRequest, "ErrorInvalidRequest", "The displayName of a folder is required.")
	}
	for key, f := range c.s.world.Scan(c.box, world.ContactFolders) {
		if key != self && world.Text(f, world.Partition) == parent && strings.EqualFold(world.Text(f, "displayName"), name) {
			return "", fail(http.StatusConflict, "ErrorFolderExists", "A folder with the specified name already exists.")
		}
	}
	return name, nil
}

func createContactFolder(c *call) (reply, *problem) {
	parent, _, p := c.contactFolder()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	name, p := c.contactFolderName(in, parent, "")
	if p != nil {
		return reply{}, p
	}
	key, o := c.s.world.NewKey(), world.Object{"displayName": name, world.Partition: parent}
	setProperties(o, in)
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.ContactFolders, ID: key}, o)
	return created(c.renderContactFolder(key, o)), nil
}

func renameContactFolder(c *call) (reply, *problem) {
	key, o, p := c.contactFolder()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	name, p := c.contactFolderName(in, world.Text(o, world.Partition), key)
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	n["displayName"] = name
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.ContactFolders, ID: key}, n)
	return c.one("users('"+c.userID()+"')/contactFolders", c.renderContactFolder(key, n))
}

func deleteContactFolder(c *call) (reply, *problem) {
	key, _, p := c.contactFolder()
	if p != nil {
		return reply{}, p
	}
	if key == c.s.world.ContactsKey(c.userID()) {
		return reply{}, fail(http.StatusBadRequest, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
	}
	c.s.dropContactFolder(c.box, key)
	return empty(http.StatusNoContent), nil
}

// dropContactFolder removes a folder with all that lies in it and below it.
func (s *Server) dropContactFolder(box, key string) {
	for id, f := range s.world.Scan(box, world.ContactFolders) {
		if world.Text(f, world.Partition) == key {
			s.dropContactFolder(box, id)
		}
	}
	for id, k := range s.world.Scan(box, world.Contacts) {
		if world.Text(k, world.Partition) == key {
			s.world.Delete(world.Key{Scope: box, Collection: world.Contacts, ID: id})
		}
	}
	s.world.Delete(world.Key{Scope: box, Collection: world.ContactFolders, ID: key})
}

// contact finds the contact of the path. A path through a folder wants it to lie there.
func (c *call) contact() (string, world.Object, *problem) {
	ref, p := parseItemID(c.params["contact-id"])
	if p != nil {
		return "", nil, p
	}
	o, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.Contacts, ID: ref.key})
	if !found {
		return "", nil, itemNotFound()
	}
	if c.params["contactFolder-id"] != "" {
		folder, _, p := c.contactFolder()
		if p != nil {
			return "", nil, p
		}
		if world.Text(o, world.Partition) != folder {
			return "", nil, itemNotFound()
		}
	}
	return ref.key, o, nil
}

func (c *call) contactID(key string) string { return itemID(key, 0, c.immutable) }

func (c *call) renderContact(key string, o world.Object) world.Object {
	out := public(o)
	out["id"], out["parentFolderId"] = c.contactID(key), stableID(folderPrefix, world.Text(o, world.Partition))
	out["changeKey"], out["@odata.etag"] = changeKey(key, o), etag(key, o)
	c.expandMessage(out, key, o)
	return out
}

func listContacts(c *call) (reply, *problem) {
	folder, _, p := c.contactFolder()
	if p != nil {
		return reply{}, p
	}
	if p := c.contactFilter(); p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for key, o := range c.s.world.Scan(c.box, world.Contacts) {
			if world.Text(o, world.Partition) == folder && !yield(c.renderContact(key, o)) {
				return
			}
		}
	}
	return c.page(c.mailPage("contacts"), items, itself)
}

// contactFilter keeps what the page says of addresses: any and eq on the address, nothing else (user-list-contacts.md).
func (c *call) contactFilter() *problem {
	low := strings.ToLower(c.q.FilterRaw)
	if !strings.Contains(low, "emailaddresses") || strings.Contains(low, "emailaddresses/any(") && strings.Contains(low, "/address eq ") && !strings.Contains(low, "/name ") {
		return nil
	}
	return fail(http.StatusBadRequest, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
}

func getContact(c *call) (reply, *problem) {
	key, o, p := c.contact()
	if p != nil {
		return reply{}, p
	}
	return c.one("users('"+c.userID()+"')/contacts", c.renderContact(key, o))
}

func deltaContacts(c *call) (reply, *problem) {
	folder, _, p := c.contactFolder()
	if p != nil {
		return reply{}, p
	}
	return c.follow(followed{collection: world.Contacts, partition: folder, context: "Collection(contact)", show: c.renderContact, name: c.contactID})
}
