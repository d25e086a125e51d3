package sharepoint

import (
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// The operations of Microsoft Graph that the actions call.
const (
	readSite    m365.OperationKey = "GET /sites/{site-id}"
	siteAt      m365.OperationKey = "GET /sites/{hostname}:/{relative-path}"
	searchSites m365.OperationKey = "GET /sites"
	allSites    m365.OperationKey = "GET /sites/getAllSites()"
	subsites                      = readSite + "/sites"
	drives                        = readSite + "/drives"

	site         m365.OperationKey = "/sites/{site-id}"
	lists                          = site + "/lists"
	list                           = lists + "/{list-id}"
	columns                        = list + "/columns"
	contentTypes                   = list + "/contentTypes"
	column                         = columns + "/{columnDefinition-id}"
	items                          = list + "/items"
	item                           = items + "/{listItem-id}"
	pages                          = site + "/pages"
	sitePages                      = pages + "/microsoft.graph.sitePage"
	page                           = pages + "/{baseSitePage-id}"
	sitePage                       = page + "/microsoft.graph.sitePage"
	permissions                    = site + "/permissions"
	permission                     = permissions + "/{permission-id}"
)

const (
	get    m365.OperationKey = "GET "
	post   m365.OperationKey = "POST "
	patch  m365.OperationKey = "PATCH "
	remove m365.OperationKey = "DELETE "
	delta  m365.OperationKey = "/delta()"
)

// Actions are what the hub can do with sites.
func Actions() []action.Action {
	return slices.Concat(siteActions(), listActions(), columnActions(), contentTypeActions(), itemActions(), changeActions(), pageActions(), permissionActions())
}

// Deleted names what is gone.
type Deleted struct {
	ID string `json:"id"`
}

// define makes an action on one site: the site is found first, and a refusal to an app that was not granted it says so.
func define[In interface{ site() place.Site }, Out any](spec action.Spec, run func(ctx context.Context, c action.Call, s place.SitePlace, in In) (Out, error), options ...action.Option[In, Out]) action.Action {
	spec.Capability = m365.SharePoint
	spec.Operations = append([]m365.OperationKey{siteAt}, spec.Operations...)
	return action.Define(spec, func(ctx context.Context, c action.Call, in In) (Out, error) {
		return at(ctx, c, in, run)
	}, options...)
}

// at runs something on the site of an input.
func at[In interface{ site() place.Site }, Out any](ctx context.Context, c action.Call, in In, run func(ctx context.Context, c action.Call, s place.SitePlace, in In) (Out, error)) (Out, error) {
	var none Out
	s, err := in.site().In(ctx, c)
	if err != nil {
		return none, err
	}
	out, err := run(ctx, c, s, in)
	if err != nil {
		return none, place.NotGranted(ctx, c, err)
	}
	return out, nil
}

// Probe reads the id of the topmost site. It proves the capability sharepoint; an app that reaches single sites alone cannot be tried on it.
func Probe(ctx context.Context, g *graph.Client, _ m365.UserID) (graph.Proof, error) {
	var p graph.Proof
	_, err := graph.Get[struct{}](ctx, g, graph.SiteWithID("root").Path, graph.Select("id"), graph.Prove(&p))
	return p, err
}
