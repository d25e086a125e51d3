package connection

import (
	"context"
	"slices"
	"strings"

	"seneschal/internal/m365"
)

// reachesSites says whether a client for a purpose may name sites. Which ones, the permissions and SharePoint decide: the list of allowed
// sites, where there is one, belongs here, as graph.MailboxFence.Sites.
func (c Connection) reachesSites(p Purpose) bool {
	return c.Serves(m365.SharePoint) && (p == ForActions || p == "")
}

// selectedSites is the permission that lets an app in site by site, by what was granted there.
const selectedSites = "Sites.Selected"

// OnlySelectedSites says whether the connection reaches no sites but those that were granted to it one by one. A wider permission beside
// Sites.Selected makes it void (dynamics/AUTH-MATRIX §4).
func (b Bound) OnlySelectedSites(ctx context.Context) (bool, error) {
	claims, err := b.Tokens.Claims(ctx)
	if err != nil {
		return false, err
	}
	granted := claims.Granted(b.Connection.Kind)
	wider := slices.ContainsFunc(granted, func(p string) bool { return strings.HasPrefix(p, "Sites.") && strings.HasSuffix(p, ".All") })
	return slices.Contains(granted, selectedSites) && !wider, nil
}
