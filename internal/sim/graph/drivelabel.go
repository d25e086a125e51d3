package graph

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

// What is kept of a file's sensitivity: its labels, and why they cannot be read.
const (
	labels     = "~labels"
	unreadable = "~unreadable"
)

// labelled are kinds of files that have labels; the page only says that there are "supported file extensions".
var labelled = []string{".docx", ".xlsx", ".pptx", ".pdf"}

// extractLabels tells a file's sensitivity labels, or with 423 why they cannot be read: driveitem-extractsensitivitylabels.md, of which the
// example wraps the answer in value and the contract does not.
func extractLabels(c *call) (reply, *problem) {
	_, _, o, p := c.shared()
	switch {
	case p != nil:
		return reply{}, p
	case c.token.Tenant == world.ConsumersTenant:
		return reply{}, notSupported()
	case world.Flag(o, "~folder") || !slices.Contains(labelled, strings.ToLower(path.Ext(world.Text(o, "name")))):
		return reply{}, notSupported()
	case world.Text(o, unreadable) != "":
		return reply{}, fail(http.StatusLocked, world.Text(o, unreadable), "The sensitivity labels of the file cannot be extracted")
	}
	value := []any{}
	for _, l := range world.Objects(o[labels]) {
		value = append(value, world.Object{"sensitivityLabelId": l["id"], "assignmentMethod": l["method"], "tenantId": c.token.Tenant})
	}
	return ok(world.Object{"@odata.context": c.context("microsoft.graph.extractSensitivityLabelsResult"), "labels": value}), nil
}

// notSupported is the answer to what a file is not made for: concepts/errors.md, of which the status is uncertain.
func notSupported() *problem {
	return fail(http.StatusBadRequest, "notSupported", "The request is not supported by the system.")
}
