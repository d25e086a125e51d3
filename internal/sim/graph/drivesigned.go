package graph

import (
	"image"
	"image/jpeg"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

const (
	driveThumbnails  = "driveThumbnails"
	thumbnailAddress = "/drive-thumbnail/"
	signedLife       = time.Hour // short-lived: FACTS §10
)

// elsewhere is another name of the simulator: what is pre-signed lies on SharePoint's hosts, not on Graph's.
func (c *call) elsewhere() string {
	switch port, here := strings.CutPrefix(c.r.Host, "127.0.0.1:"); {
	case here:
		return "localhost:" + port
	case c.r.Host == "graph.microsoft.com": // in a network of its own, where the simulator has Microsoft's names
		return "contoso-my.sharepoint.com"
	default:
		return c.r.Host
	}
}

// sign keeps what an address of its own shall give, and makes the address.
func (c *call) sign(collection, address string, o world.Object) string {
	id, until := c.s.world.NewGUID(), c.s.world.Now().Add(signedLife)
	o["tenant"], o["expires"], o["~forgetAfter"] = c.token.Tenant, world.Stamp(until), until.Format(time.RFC3339)
	c.s.world.Put(world.Key{Collection: collection, ID: id}, o)
	return "https://" + c.elsewhere() + address + id + "?tempauth=" + c.s.world.NewKey()
}

// TokensAtAddresses counts requests to pre-signed addresses that carry a token, which they should not.
const TokensAtAddresses = "tokens_at_presigned_addresses"

// tokenRefused says whether a pre-signed address of a tenant is refused for the token beside it. It "may" be
// (driveitem-createuploadsession.md): personal accounts do so, and work accounts let it pass, by which rclone lived until 1.65
// (github.com/rclone/rclone/issues/7405).
func (s *Server) tokenRefused(r *http.Request, tenant string) bool {
	if r.Header.Get("Authorization") == "" {
		return false
	}
	s.record.Count(TokensAtAddresses, 1)
	return tenant == world.ConsumersTenant
}

// signed finds what a pre-signed address gives. The address is the proof: a token is refused.
func (s *Server) signed(r *http.Request, collection, address string) (world.Object, *problem) {
	o, found := s.world.Get(world.Key{Collection: collection, ID: strings.TrimPrefix(r.URL.Path, address)})
	switch {
	case r.Header.Get("Authorization") != "":
		return nil, unauthorized("The address carries its own token; do not send an Authorization header.", "")
	case !found || world.Time(o, "expires").Before(s.world.Now()):
		return nil, noItem()
	}
	return o, nil
}

// The sizes of thumbnails, by the example of driveitem-list-thumbnails.md.
var thumbnailSizes = map[string][2]int{"small": {96, 64}, "medium": {176, 117}, "large": {800, 533}}

// pictures are what thumbnails are made of here; the real service draws documents and films, too.
var pictures = []string{".jpg", ".jpeg", ".png", ".gif", ".bmp"}

func listThumbnails(c *call) (reply, *problem) {
	_, _, o, p := c.shared()
	if p != nil {
		return reply{}, p
	}
	value := []any{}
	if slices.Contains(pictures, strings.ToLower(path.Ext(world.Text(o, "name")))) && !world.Flag(o, "~folder") {
		set := world.Object{"id": "0"}
		for name, size := range thumbnailSizes {
			set[name] = world.Object{"width": size[0], "height": size[1], "url": c.sign(driveThumbnails, thumbnailAddress, world.Object{"size": name})}
		}
		value = append(value, set)
	}
	return ok(world.Object{"@odata.context": c.context("thumbnails"), "value": value}), nil
}

// ServeThumbnail gives a grey picture of the right size.
func (s *Server) ServeThumbnail(w http.ResponseWriter, r *http.Request) {
	id := s.identify(w, r)
	o, p := s.signed(r, driveThumbnails, thumbnailAddress)
	if p != nil {
		s.writeProblem(w, id, p)
		return
	}
	size := thumbnailSizes[world.Text(o, "size")]
	w.Header().Set("Content-Type", "image/jpeg")
	_ = jpeg.Encode(w, image.NewGray(image.Rect(0, 0, size[0], size[1])), nil) // the client went away
}
