package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

// workflowHosts are where workflows of Power Automate take calls: the older and the present host, each below a name of its own. They are seen
// with others (docs/fidelity.md); no page of Microsoft's that lists them was read.
var workflowHosts = []string{".logic.azure.com", ".environment.api.powerplatform.com", ".logic.azure.us", ".logic.azure.cn"}

// retiredHosts took calls of Office 365 connectors until spring 2026 (dynamics/AUTH-MATRIX §2).
var retiredHosts = []string{"outlook.office.com", "outlook.office365.com", ".webhook.office.com"}

// Workflow is the address of a workflow. It is a secret: whoever knows it can call the workflow.
type Workflow struct{ address string }

// ReadWorkflow reads an address, and says what is wrong with one that leads elsewhere: the hub calls no other host for whoever knows how to ask.
func (c *Client) ReadWorkflow(address string) (Workflow, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" {
		return Workflow{}, fault.BadField("url", "is not an address that begins with https://")
	}
	host := strings.ToLower(u.Host)
	switch {
	case isHost(host, retiredHosts):
		return Workflow{}, &fault.Error{Kind: fault.NotSupported, Code: "retired", Message: "Microsoft has switched off the webhooks of Office 365 connectors",
			Cause: "The address is one of those, and answers no more since spring 2026", Fix: "In Teams open the channel's Workflows, choose \"Post to a channel when a webhook request is received\", and use the address it gives",
			Who: "an owner of the team", WrongFixes: []string{"making the connector anew: new ones are refused, too"}}
	case !isHost(host, workflowHosts) && "https://"+host != hostOf(c.base):
		return Workflow{}, fault.BadField("url", "is not the address of a workflow: its host must end in one of %s", strings.Join(workflowHosts, ", "))
	case !u.Query().Has("sig"):
		return Workflow{}, fault.BadField("url", "carries no signature (sig): copy the whole address; workflows that only people of the tenant may call cannot be called by address alone")
	}
	return Workflow{u.String()}, nil
}

// hostOf is scheme and host of Graph: a cloud of one's own may have both behind one door.
func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return "https://" + strings.ToLower(u.Host)
}

func isHost(host string, list []string) bool {
	host = strings.TrimSuffix(host, ":443")
	for _, h := range list {
		if host == h || strings.HasPrefix(h, ".") && strings.HasSuffix(host, h) {
			return true
		}
	}
	return false
}

// CardMessage is what a workflow takes: cards, each as a program would attach it to a message.
type CardMessage struct {
	Type        string     `json:"type"`
	Attachments []CardSent `json:"attachments"`
}

// CardSent is one card.
type CardSent struct {
	ContentType string         `json:"contentType"`
	ContentURL  *string        `json:"contentUrl"`
	Content     map[string]any `json:"content"`
}

// PostWorkflow hands a message to a workflow. No token goes there: the address carries its own proof. That it was taken does not say that it
// was posted (dynamics/AUTH-MATRIX §2).
func (c *Client) PostWorkflow(ctx context.Context, w Workflow, m CardMessage, opts ...Option) error {
	k := newCall(opts)
	body, err := json.Marshal(m)
	if err != nil {
		return unencodable(workflowOperation, err)
	}
	r := wire.Request{Operation: workflowOperation, Method: http.MethodPost, URL: w.address, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Anonymous: true, Raw: true,
		Charges: []wire.Charge{{Key: c.key(classTeams, "")}}}
	answer, err := c.wire.Do(ctx, r)
	if err != nil {
		return refusedByWorkflow(err)
	}
	k.prove(answer)
	return nil
}

const workflowOperation = "POST {workflowUrl}"

// refusedByWorkflow says what the answers of workflows mean: they are not Graph's.
func refusedByWorkflow(err error) error {
	f := *fault.As(err)
	if f.Upstream == nil {
		return err
	}
	switch f.Upstream.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		f.Kind, f.Code, f.Message = fault.NotFound, "workflow_gone", "The workflow does not take calls at this address any more"
		f.Cause, f.Fix, f.Who = "Its address was renewed, it was switched off or deleted, or its owner has left: a workflow ends with its owner", "Have the workflow's owner copy its address anew, or make the workflow again", "an owner of the team"
		f.WrongFixes = []string{"granting permissions: a workflow needs none", "signing in again: no token goes there"}
	case http.StatusBadRequest:
		f.Fix, f.Who = "Let the workflow begin with \"When a Teams webhook request is received\", which takes cards", "the workflow's owner"
	}
	return &f
}
