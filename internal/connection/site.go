package connection

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// EverySite is the entry of a list of sites that stands for all of them: what the permissions and SharePoint allow.
const EverySite = "*"

// mostSites bounds a list: each of its sites is asked for whenever the connection is looked at thoroughly.
const mostSites = 500

// SiteStatus is what Microsoft says of a listed site.
type SiteStatus string

// The statuses.
const (
	SiteUnchecked SiteStatus = "unchecked"
	SiteFound     SiteStatus = "resolved"
	SiteUnknown   SiteStatus = "unknown" // the tenant has no site at this address
	SiteDenied    SiteStatus = "denied"  // Microsoft does not let the connection in
)

// Site is one listed site.
type Site struct {
	URL       string     `json:"url"`
	Status    SiteStatus `json:"status"`
	ID        string     `json:"id,omitempty"`
	Note      string     `json:"note,omitempty"`
	CheckedAt time.Time  `json:"checked_at,omitzero"`
}

// setSites gives a connection its list.
func (c *Connection) setSites(list []Site) {
	c.Sites, c.SiteStates = make([]string, len(list)), list
	for i, s := range list {
		c.Sites[i] = s.URL
	}
}

// ReachesEverySite says whether the list of sites is no limit.
func (c Connection) ReachesEverySite() bool { return slices.Contains(c.Sites, EverySite) }

// reachesSites says whether a client for a purpose may name sites.
func (c Connection) reachesSites(p Purpose) bool {
	return c.Serves(m365.SharePoint) && (p == ForActions || p == "") || c.Serves(m365.FollowSites) && (p == ForSites || p == "")
}

// fenceSites lets the listed sites through: by their addresses, and by the ids that these were found under.
func (c Connection) fenceSites(fence *graph.MailboxFence, p Purpose) {
	if !c.reachesSites(p) {
		return
	}
	fence.EverySite = c.ReachesEverySite()
	for _, s := range c.SiteStates {
		fence.Sites = append(fence.Sites, s.URL)
		if s.ID != "" {
			fence.Sites = append(fence.Sites, s.ID)
		}
	}
}

// OnlySelectedSites says whether the connection reaches no sites but those that were granted to it one by one. A wider permission beside
// Sites.Selected makes it void (dynamics/AUTH-MATRIX §4).
func (b Bound) OnlySelectedSites(ctx context.Context) (bool, error) {
	claims, err := b.Tokens.Claims(ctx)
	if err != nil {
		return false, err
	}
	granted := claims.Granted(b.Connection.Kind)
	return slices.Contains(granted, m365.SitesSelected) && len(voiding(granted)) == 0, nil
}

// voiding are the permissions of a grant that reach every site, whatever Sites.Selected says.
func voiding(granted []string) []string {
	return slices.DeleteFunc(slices.Clone(granted), func(p string) bool { return !strings.HasPrefix(p, "Sites.") || !strings.HasSuffix(p, ".All") })
}

// normaliseSites trims what people paste: hosts in small letters, no slash at the end.
func (f *Form) normaliseSites() {
	for i, s := range f.Sites {
		f.Sites[i] = strings.TrimSpace(s)
		if host, path, is := graph.SiteAddress(f.Sites[i]); is {
			f.Sites[i] = strings.TrimSuffix("https://"+lower(host)+"/"+strings.Trim(path, "/"), "/")
		}
	}
}

// Hosts of SharePoint by cloud: Microsoft's "Microsoft 365 endpoints" of each.
var siteHosts = map[m365.Cloud]*regexp.Regexp{
	m365.Global:   regexp.MustCompile(`^[a-z0-9-]+\.sharepoint\.com$`),
	m365.USGov:    regexp.MustCompile(`^[a-z0-9-]+\.sharepoint\.us$`),
	m365.USGovDoD: regexp.MustCompile(`^[a-z0-9-]+\.sharepoint-mil\.us$`),
	m365.China:    regexp.MustCompile(`^[a-z0-9-]+\.sharepoint\.cn$`),
}

func (f *Form) checkSites(bad func(string, string, ...any)) {
	every := slices.Contains(f.Sites, EverySite)
	switch {
	case len(f.Sites) == 0 && slices.Contains(f.Capabilities, m365.SharePoint):
		bad("sites", "Enter at least one site, like https://contoso.sharepoint.com/sites/projects, or * for all that the permissions reach")
	case (len(f.Sites) == 0 || every) && slices.Contains(f.Capabilities, m365.FollowSites):
		bad("sites", "Enter each site that is to be followed, like https://contoso.sharepoint.com/sites/projects: followsites follows no others, and not all (*)")
	case every && len(f.Sites) > 1:
		bad("sites", "* stands for all sites: leave out the others, or *")
	case len(f.Sites) > mostSites:
		bad("sites", "holds %d sites; at most %d", len(f.Sites), mostSites)
	}
	switch {
	case f.SitesSelected && f.Kind != m365.Application:
		bad("sites_selected", "is for the app itself: a person's connection reaches what the person may open")
	case f.SitesSelected && (every || len(f.Sites) == 0):
		bad("sites_selected", "needs the sites by their addresses: Microsoft lets no app that has Sites.Selected look for them")
	}
	seen := map[string]bool{}
	for i, s := range f.Sites {
		if wrong := wrongSite(f.Cloud, s, seen); wrong != "" {
			bad(fmt.Sprintf("sites[%d]", i), "%s", wrong)
		}
		seen[lower(s)] = true
	}
}

func wrongSite(cloud m365.Cloud, s string, seen map[string]bool) string {
	host, _, is := graph.SiteAddress(s)
	hosts := siteHosts[cloud]
	switch {
	case seen[lower(s)]:
		return "is listed twice"
	case s == EverySite:
		return ""
	case !is || len(s) > 2000:
		return "is not the address of a site, like https://contoso.sharepoint.com/sites/projects: https, without query, page or port"
	case hosts != nil && !hosts.MatchString(host):
		return fmt.Sprintf("names the host %s, which is none of SharePoint's in the cloud %s", host, cloud)
	}
	return ""
}

// mergeSites keeps what is known of addresses that stay.
func mergeSites(old []Site, entered []string) []Site {
	out := make([]Site, 0, len(entered))
	for _, url := range entered {
		next := Site{URL: url, Status: SiteUnchecked}
		if i := slices.IndexFunc(old, func(o Site) bool { return o.URL == url }); i >= 0 {
			next = old[i]
		}
		out = append(out, next)
	}
	return out
}

func replaceSites(ctx context.Context, tx *store.Tx, connection string, list []Site) error {
	if _, err := tx.ExecContext(ctx, "delete from connection_site where connection = $1", connection); err != nil {
		return err
	}
	for _, s := range list {
		if _, err := tx.ExecContext(ctx, "insert into connection_site (connection, url, site_id, status, note, checked_at) values ($1, $2, $3, $4, $5, $6)",
			connection, s.URL, s.ID, string(s.Status), s.Note, store.Millis(s.CheckedAt)); err != nil {
			return err
		}
	}
	return listChanged(ctx, tx, connection)
}

func updateSites(ctx context.Context, tx *store.Tx, connection string, list []Site) error {
	for _, s := range list {
		if _, err := tx.ExecContext(ctx, "update connection_site set site_id = $1, status = $2, note = $3, checked_at = $4 where connection = $5 and url = $6",
			s.ID, string(s.Status), s.Note, store.Millis(s.CheckedAt), connection, s.URL); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return nil
	}
	return listChanged(ctx, tx, connection)
}

// readSites reads the lists of all connections (""), or of one.
func readSites(ctx context.Context, q store.Querier, connection string) (map[string][]Site, error) {
	type owned struct {
		connection string
		Site
	}
	rows, err := store.Select(ctx, q, func(s store.Scanner) (o owned, err error) {
		var checked int64
		err = s.Scan(&o.connection, &o.URL, &o.ID, &o.Status, &o.Note, &checked)
		o.CheckedAt = store.Time(checked)
		return o, err
	}, "select connection, url, site_id, status, note, checked_at from connection_site where ($1 = '' or connection = $2) order by connection, url", connection, connection)
	out := map[string][]Site{}
	for _, r := range rows {
		out[r.connection] = append(out[r.connection], r.Site)
	}
	return out, err
}

// asks is what permissions the connection asks for, for all it is for or for some of it.
func (c Connection) asks(some ...m365.Capability) m365.Asking {
	if len(some) == 0 {
		some = c.Capabilities
	}
	return m365.Asking{Mode: c.Kind, Capabilities: some, SelectedSites: c.SitesSelected, LimitedMailboxes: c.MailboxesLimited, SharedMailboxes: c.Kind == m365.Delegated && len(c.Mailboxes) > 0}
}
