package place

import (
	"context"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Site says which site is meant.
type Site struct {
	Named string `json:"site" minLength:"1" maxLength:"2000" doc:"Site by its address, like https://contoso.sharepoint.com/sites/projects, or by id"`
}

// Wrong finds what is neither.
func (s Site) Wrong() []fault.Field { return WrongSite("site", s.Named) }

// In is the site as the call reaches it: every call that is about a site comes through here before it asks for anything else.
func (s Site) In(ctx context.Context, c action.Call) (SitePlace, error) {
	return SiteOf(ctx, c, s.Named)
}

// SitePlace is a site by its id, and the client that reaches it.
type SitePlace struct {
	graph.SitePlace
	ID    string
	Graph *graph.Client
}

// SiteOf finds the id of a site, which everything else is asked by. An address is asked for at most once in a few minutes; an id is taken as it is. A list of allowed
// sites is asked here, and the fence judges by the same id.
func SiteOf(ctx context.Context, c action.Call, named string) (SitePlace, error) {
	id := named
	if host, path, is := graph.SiteAddress(named); is {
		s, _, err := graph.LookUp[graph.Site](ctx, c.Bound.Graph, graph.SiteAt(host, path), c.Bound.Graph.LookupAge(), graph.Select("id"))
		if err != nil {
			return SitePlace{}, NotGranted(ctx, c, err)
		}
		id = s.ID
	}
	return SitePlace{graph.SiteWithID(id), id, c.Bound.Graph}, nil
}

// NotGranted explains a refusal to an app that reaches only what was granted to it site by site.
func NotGranted(ctx context.Context, c action.Call, err error) error {
	f := fault.As(err)
	if fault.CodeOf(err) != "permission_missing" {
		return err
	}
	if only, e := c.Bound.OnlySelectedSites(ctx); e != nil || !only {
		return err
	}
	out := *f
	out.Code, out.Message, out.Cause = "site_not_granted", "The site is not granted to this app, or not with a role that allows this", "The app has Sites.Selected, which reaches nothing by itself"
	out.Fix, out.Who = "Have a role on the site granted to the app: sharepoint.permission.grant through a connection with Sites.FullControl.All", "an administrator of the tenant"
	out.WrongFixes = []string{"consenting to Sites.Selected again: it is granted, and lets nobody in by itself"}
	return &out
}

// WrongSite tells what is wrong with a site's name.
func WrongSite(field, named string) []fault.Field {
	if named == "" {
		return nil
	}
	if _, _, is := graph.SiteAddress(named); is || isID(named) {
		return nil
	}
	return []fault.Field{{Name: field, Message: "is neither the address of a site, like https://contoso.sharepoint.com/sites/projects, nor an id of host, collection and web"}}
}

// isID tells an id as Microsoft gives it: host, collection and web, with commas between.
func isID(s string) bool {
	parts := strings.Split(s, ",")
	return len(parts) == 3 && !strings.ContainsAny(s, "/?#% ") && parts[0] != "" && parts[1] != "" && parts[2] != ""
}
