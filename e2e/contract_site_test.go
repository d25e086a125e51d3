package e2e

import "testing"

// exerciseSites runs the actions on sites that the connection's permissions allow; grants are an administrating app's.
func exerciseSites(t *testing.T, do perform) {
	t.Helper()
	const site = "https://contoso.sharepoint.com/sites/projects"
	in := func(more map[string]any) map[string]any {
		more["site"] = site
		return more
	}
	do("sharepoint.site.search", map[string]any{"text": "projects", "limit": 1})
	do("sharepoint.site.get", in(map[string]any{}))
	do("sharepoint.subsite.list", in(map[string]any{}))
	do("sharepoint.library.list", in(map[string]any{}))
	list := do("sharepoint.list.create", in(map[string]any{"title": "Contract #1", "description": "x", "columns": []map[string]any{{"name": "Kind", "type": "choice", "choices": []string{"a"}, "indexed": true}}}))["id"]
	do("sharepoint.list.list", in(map[string]any{"system": true}))
	do("sharepoint.list.get", in(map[string]any{"list": "Contract #1"}))
	do("sharepoint.list.update", in(map[string]any{"list": list, "title": "Contract #2"}))
	do("sharepoint.column.create", in(map[string]any{"list": list, "name": "Hours", "type": "number", "required": true}))
	do("sharepoint.column.list", in(map[string]any{"list": list}))
	do("sharepoint.column.get", in(map[string]any{"list": list, "column": "Hours"}))
	do("sharepoint.column.update", in(map[string]any{"list": list, "column": "Hours", "title": "Hours of work"}))
	do("sharepoint.content_type.list", in(map[string]any{"list": list}))
	item := do("sharepoint.list_item.create", in(map[string]any{"list": list, "content_type": "Item", "fields": map[string]any{"Title": "x", "Hours": 2, "Kind": "a"}}))["id"]
	got := do("sharepoint.list_item.get", in(map[string]any{"list": list, "item": item}))
	do("sharepoint.list_item.list", in(map[string]any{"list": list, "unindexed": true, "columns": []string{"Title"}, "where": []map[string]any{{"field": "Kind", "value": "a"}}}))
	do("sharepoint.list_item.update", in(map[string]any{"list": list, "item": item, "fields": map[string]any{"Hours": 3}, "if_match": got["etag"]}))
	do("sharepoint.list_item.version.list", in(map[string]any{"list": list, "item": item}))
	changes := do("sharepoint.list_item.change.list", in(map[string]any{"list": list, "limit": 1}))
	do("sharepoint.list_item.change.list", in(map[string]any{"list": list, "limit": 1, "cursor": changes["next_cursor"]}))
	do("sharepoint.list_item.delete", in(map[string]any{"list": list, "item": item}))
	do("sharepoint.column.delete", in(map[string]any{"list": list, "column": "Hours"}))
	do("sharepoint.list.delete", in(map[string]any{"list": list}))
	page := do("sharepoint.page.create", in(map[string]any{"name": "contract", "title": "Contract", "html": "<p>x</p>"}))["id"]
	do("sharepoint.page.list", in(map[string]any{}))
	do("sharepoint.page.get", in(map[string]any{"page": page}))
	do("sharepoint.page.update", in(map[string]any{"page": page, "title": "Contract, changed", "html": "<p>y</p>"}))
	do("sharepoint.page.publish", in(map[string]any{"page": page}))
	do("sharepoint.page.delete", in(map[string]any{"page": page}))
}

// exerciseGrants runs the actions on grants of sites, as an administrating app.
func exerciseGrants(t *testing.T, do perform, client string) {
	t.Helper()
	const site = "https://contoso.sharepoint.com/sites/board"
	grant := do("sharepoint.permission.grant", map[string]any{"site": site, "app": client, "name": "Seneschal for chosen sites", "role": "read"})["id"]
	do("sharepoint.permission.list", map[string]any{"site": site})
	do("sharepoint.permission.update", map[string]any{"site": site, "permission": grant, "role": "write"})
	do("sharepoint.permission.revoke", map[string]any{"site": site, "permission": grant})
}

// exerciseDirectory runs the actions on the tenant itself.
func exerciseDirectory(t *testing.T, do perform, user string) {
	t.Helper()
	do("directory.user.list", map[string]any{"limit": 5})
	do("directory.user.get", map[string]any{"user": user})
	do("directory.organization.get", map[string]any{})
}
