package graph

import (
	"bytes"
	"errors"
	"image"
	_ "image/jpeg" // photos
	"io"
	"net/http"
	"strings"

	"seneschal/internal/sim/world"
)

// contactForm is what a client may write of a contact (contract), and what kind of value each is.
var contactForm = form{
	"assistantName": aText, "birthday": aText, "businessAddress": anObject, "businessHomePage": aText, "businessPhones": texts(2), "categories": texts(0), "children": texts(0),
	"companyName": aText, "department": aText, "displayName": aText, "emailAddresses": objects(3), "fileAs": aText, "generation": aText, "givenName": aText, "homeAddress": anObject,
	"homePhones": texts(2), "imAddresses": texts(3), "initials": aText, "jobTitle": aText, "manager": aText, "middleName": aText, "mobilePhone": aText, "nickName": aText,
	"officeLocation": aText, "otherAddress": anObject, "personalNotes": aText, "profession": aText, "spouseName": aText, "surname": aText, "title": aText,
	"yomiCompanyName": aText, "yomiGivenName": aText, "yomiSurname": aText, "singleValueExtendedProperties": objects(0),
}

// applyContact writes what a client may set. Parts of an address that it leaves out stay, as with every complex value in a PATCH (OData 4.01, 11.4.3).
func (c *call) applyContact(o, in world.Object) *problem {
	if p := contactForm.check(in); p != nil {
		return p
	}
	for name, v := range in {
		switch kind := contactForm[name]; {
		case name == "singleValueExtendedProperties":
		case kind.list:
			o[name] = v
		case kind.object && v != nil:
			part := world.Clone(paramObject(o, name))
			for k, x := range v.(world.Object) {
				part[k] = x
			}
			o[name] = part
		case kind.object:
			o[name] = world.Object{}
		default:
			o[name] = v
		}
	}
	setProperties(o, in)
	nameContact(o)
	return nil
}

// nameContact makes the names that a client leaves out: displayName of given name and surname as in the example of user-post-contacts.md,
// fileAs the other way round (recall).
func nameContact(o world.Object) {
	given, family := world.Text(o, "givenName"), world.Text(o, "surname")
	if world.Text(o, "displayName") == "" {
		o["displayName"] = strings.TrimSpace(given + " " + family)
	}
	if world.Text(o, "displayName") == "" {
		o["displayName"] = world.Text(o, "companyName")
	}
	if world.Text(o, "fileAs") == "" {
		o["fileAs"] = strings.Trim(family+", "+given, ", ")
	}
}

func createContact(c *call) (reply, *problem) {
	folder, _, p := c.contactFolder()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	key, o := c.s.world.NewKey(), world.Contact(folder, c.s.world.Now())
	if p := c.applyContact(o, in); p != nil {
		return reply{}, p
	}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Contacts, ID: key}, o)
	return created(c.renderContact(key, o)), nil
}

func patchContact(c *call) (reply, *problem) {
	key, o, p := c.contact()
	if p != nil {
		return reply{}, p
	}
	if p := c.ifMatch(key, o); p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	n := c.changed(o)
	if p := c.applyContact(n, in); p != nil {
		return reply{}, p
	}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Contacts, ID: key}, n)
	return c.one("users('"+c.userID()+"')/contacts", c.renderContact(key, n))
}

func deleteContact(c *call) (reply, *problem) {
	key, o, p := c.contact()
	if p != nil {
		return reply{}, p
	}
	if p := c.ifMatch(key, o); p != nil {
		return reply{}, p
	}
	c.s.world.Delete(world.Key{Scope: c.box, Collection: world.Contacts, ID: key})
	return empty(http.StatusNoContent), nil
}

// photoless is the answer where there is no photo: 404, profilephoto-get.md.
func photoless() *problem {
	return fail(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store., The photo wasn't found.")
}

func getPhoto(c *call) (reply, *problem) {
	_, o, p := c.contact()
	if p != nil {
		return reply{}, p
	}
	if world.Text(o, "~photo") == "" {
		return reply{}, photoless()
	}
	width, height := world.Number(o, "~photoWidth"), world.Number(o, "~photoHeight")
	return c.one("users('"+c.userID()+"')/contacts('"+c.params["contact-id"]+"')/photo", world.Object{"@odata.mediaContentType": "image/jpeg", "id": "default", "width": width, "height": height})
}

func photoValue(c *call) (reply, *problem) {
	_, o, p := c.contact()
	if p != nil {
		return reply{}, p
	}
	if world.Text(o, "~photo") == "" {
		return reply{}, photoless()
	}
	return reply{status: http.StatusOK, raw: &rawReply{contentType: "image/jpeg", write: func(w http.ResponseWriter) error {
		f, err := c.s.world.OpenBlob(world.Text(o, "~photo"))
		if err != nil {
			return err
		}
		_, err = io.Copy(w, f)
		return errors.Join(err, f.Close())
	}}}, nil
}

// putPhoto takes a JPEG image of less than 4 MB: profilephoto-update.md.
func putPhoto(c *call) (reply, *problem) {
	key, o, p := c.contact()
	if p != nil {
		return reply{}, p
	}
	content, p := c.bytes()
	if p != nil {
		return reply{}, p
	}
	shape, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || format != "jpeg" || !strings.HasPrefix(c.r.Header.Get("Content-Type"), "image/jpeg") {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "The photo is not an image of the type image/jpeg.")
	}
	blob, _, err := c.s.world.PutBlob(bytes.NewReader(content))
	if err != nil {
		return reply{}, fail(http.StatusInternalServerError, "InternalServerError", "The photo could not be kept.")
	}
	n := c.changed(o)
	n["~photo"], n["~photoWidth"], n["~photoHeight"] = blob, shape.Width, shape.Height
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Contacts, ID: key}, n)
	return empty(http.StatusOK), nil
}
