package connection

import (
	"context"
	"net/http"
	"strings"

	"golang.org/x/sync/errgroup"

	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// resolveSites finds the ids of the listed sites, by which everything in them is asked for. Those that were found within a day are asked
// for again only when the look is thorough; one is always, as proof.
func (s *Service) resolveSites(ctx context.Context, c Connection, e m365.Endpoints, tokens *entra.Client, r *report, thorough bool) {
	if !c.reachesSites("") || c.ReachesEverySite() {
		return
	}
	g := s.client(c, e, tokens, "", nil)
	proofs := make([]graph.Proof, len(r.sites))
	var group errgroup.Group
	group.SetLimit(mailboxesAtOnce)
	var known []int
	for i, site := range r.sites {
		if site.Status == SiteFound && s.Clock.Now().Sub(site.CheckedAt) < grantsEvery && !thorough {
			known = append(known, i)
			continue
		}
		group.Go(func() error { proofs[i] = s.resolveSite(ctx, g, &r.sites[i]); return nil })
	}
	_ = group.Wait() // the functions return no errors
	for i := range proofs {
		r.proveSite(proofs[i])
	}
	for _, i := range known {
		if !r.siteProof.At.IsZero() {
			return
		}
		r.proveSite(s.resolveSite(ctx, g, &r.sites[i]))
	}
}

func (r *report) proveSite(p graph.Proof) {
	if !p.At.IsZero() {
		r.siteProof, r.proof = Proof(p), Proof(p)
	}
}

// resolveSite asks for one site. An answer that tells nothing of it leaves what was known.
func (s *Service) resolveSite(ctx context.Context, g *graph.Client, site *Site) graph.Proof {
	var p graph.Proof
	host, path, _ := graph.SiteAddress(site.URL)
	found, err := graph.Get[graph.Site](ctx, g, graph.SiteAt(host, path), graph.Select("id"), graph.Prove(&p))
	switch f := fault.As(err); {
	case f == nil:
		site.ID, site.Status, site.Note = found.ID, SiteFound, ""
	case f.Kind == fault.NotFound:
		site.Status, site.Note, p = SiteUnknown, "The tenant has no site at this address", graph.Proof{}
	case refused(f):
		site.Status, site.Note, p = SiteDenied, sentence(f), graph.Proof{}
	default:
		site.Note = sentence(f)
		return graph.Proof{}
	}
	site.CheckedAt = s.Clock.Now()
	return p
}

func refused(f *fault.Error) bool {
	return f.Upstream != nil && f.Upstream.Status == http.StatusForbidden
}

// sitesLine tells of the capability whether it works on a listed site. The sites that fail have lines of their own.
func (r *report) sitesLine(l Line) Line {
	if l.Proof = r.siteProof; l.Proof.At.IsZero() {
		l.State, l.Code, l.Cause = LineCannotTell, "no_site", "None of the listed sites can be read, so there is nothing to try it on"
		l.Fix, l.Who = "See what is said of each site", "an admin of this hub"
	}
	return l
}

// siteLines tell of every listed site that does not answer.
func (r *report) siteLines(c Connection) []Line {
	var lines []Line
	for _, s := range r.sites {
		l := Line{Connection: c.Name, Capability: lineOfSite, Title: s.URL, State: LineFailed, Cause: s.Note + ": " + s.URL}
		switch {
		case s.Status == SiteUnknown:
			l.Code, l.Fix, l.Who = "site_unknown", "Correct the address or take it off the list; it is what the browser shows up to the site's name", "an admin of this hub"
		case s.Status == SiteDenied && c.SitesSelected:
			l.Code, l.Cause = "site_not_granted", "The app has Sites.Selected, which reaches nothing by itself, and was granted no role on "+s.URL
			l.Fix, l.Who = "Run the script that seneschal connection site-script "+c.Name+" prints", "whoever holds an app with Sites.FullControl.All in the tenant"
		case s.Status == SiteDenied && c.Kind == m365.Delegated:
			l.Code, l.Fix, l.Who = "site_denied", "Have "+c.Account+" let into the site, or take it off the list", "an owner of the site"
		case s.Status == SiteDenied:
			l.Code, l.Fix, l.Who = "site_denied", "Grant the app the missing permission, or take the site off the list", "an administrator of the tenant"
		default:
			continue
		}
		lines = append(lines, l)
	}
	return lines
}

// Lines that are about sites and no capability. One of the first there is for each site.
const (
	lineOfSite       = "site"
	lineOfRestricted = "sites_selected"
)

// restrictionLine proves that an app with Sites.Selected is refused elsewhere: at the tenant's topmost site, which everybody in the tenant
// may else read. Where that is on the list, nothing tells.
func (s *Service) restrictionLine(ctx context.Context, c Connection, e m365.Endpoints, tokens *entra.Client, r *report) []Line {
	if !c.SitesSelected || !c.reachesSites("") {
		return nil
	}
	l := Line{Connection: c.Name, Capability: lineOfRestricted, Title: "Restriction to the sites that were granted", State: LineOK}
	if wide := voiding(r.granted); len(wide) > 0 {
		l.State, l.Code, l.TooBroad = LineAttention, "sites_selected_void", wide
		l.Cause = strings.Join(wide, ", ") + " makes Sites.Selected void: the app reaches every site, and only this hub's own list holds it back"
		l.Fix, l.Who = "Remove "+strings.Join(wide, ", ")+" from the app registration and withdraw the consent to it", "an administrator of the app registration"
		return []Line{l}
	}
	at, ok := topmost(c)
	if !ok {
		l.State, l.Code, l.Cause = LineCannotTell, "no_other_site", "The topmost site of the tenant is on the list, so none is known that must be refused"
		l.Fix, l.Who = "Nothing needs to be done; leave the topmost site out where it is not needed", "an admin of this hub"
		return []Line{l}
	}
	only := c
	only.setSites([]Site{{URL: at}})
	host, _, _ := graph.SiteAddress(at)
	var p graph.Proof
	_, err := graph.Get[struct{}](ctx, s.client(only, e, tokens, "", nil), graph.SiteAt(host, ""), graph.Select("id"), graph.Prove(&p))
	switch f := fault.As(err); {
	case f == nil:
		l.State, l.Code, l.Proof = LineAttention, "sites_not_restricted", Proof(p)
		l.Cause = "The app reads " + at + ", which is not on the list: it was granted that site too, or holds more than Sites.Selected"
		l.Fix, l.Who = "Look at the grants of the site with sharepoint.permission.list, and at the permissions of the app registration", "an administrator of the tenant"
	case refused(f):
		l.Proof = Proof{At: f.Upstream.At, RequestID: f.Upstream.RequestID}
		l.Cause = "Microsoft refuses the app " + at + ", which is not on the list"
	default:
		l = failedLine(c, lineOfRestricted, l.Title, f)
		l.State = LineCannotTell
	}
	return []Line{l}
}

// topmost is the tenant's topmost site, by the host of the listed ones, where it is not listed itself.
func topmost(c Connection) (string, bool) {
	for _, s := range c.Sites {
		host, _, _ := graph.SiteAddress(s)
		if host = strings.Replace(host, "-my.", ".", 1); host != "" {
			top := "https://" + host
			for _, other := range c.Sites {
				if strings.EqualFold(other, top) {
					return "", false
				}
			}
			return top, true
		}
	}
	return "", false
}
