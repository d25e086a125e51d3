package graph

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"seneschal/internal/sim/world"
)

// WorkflowAddress begins the address of a workflow of Power Automate, which lies outside Graph: "When a Teams webhook request is received".
const WorkflowAddress = "/workflows/"

// WorkflowURL is the address of the workflow that posts into a seeded team's General; it carries its proof (sig) itself.
func (s *Server) WorkflowURL(base, tenant, team string) string {
	id := s.world.WorkflowKey(tenant, team)
	o, found := s.world.Get(world.Key{Collection: world.Workflows, ID: id})
	if !found {
		return ""
	}
	return base + WorkflowAddress + id + "/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + world.Text(o, "~signature")
}

// ServeWorkflow takes a card and answers 202 before anything is posted, whatever becomes of it: success of the POST proves no delivery
// (dynamics/AUTH-MATRIX §2). A wrong signature is refused; the code is recall.
func (s *Server) ServeWorkflow(w http.ResponseWriter, r *http.Request) {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, WorkflowAddress), "/")
	o, found := s.world.Get(world.Key{Collection: world.Workflows, ID: id})
	switch {
	case !found:
		s.WriteStatus(w, r, http.StatusNotFound, "WorkflowNotFound", "The workflow was not found.")
		return
	case r.Method != http.MethodPost || r.URL.Query().Get("sig") != world.Text(o, "~signature"):
		s.WriteStatus(w, r, http.StatusUnauthorized, "DirectApiAuthorizationRequired", "The request must be authenticated by a shared access signature.")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		s.WriteStatus(w, r, http.StatusBadRequest, "", "The request body could not be read.")
		return
	}
	s.identify(w, r)
	w.WriteHeader(http.StatusAccepted)
	s.runWorkflow(o, body)
}

// runWorkflow posts the cards of a message as the flow bot. What is no card, or too large for Teams, comes to nothing, and nobody is told.
func (s *Server) runWorkflow(o world.Object, body []byte) {
	var in world.Object
	if json.Unmarshal(body, &in) != nil || world.Text(in, "type") != "message" || len(body) > largestMessage {
		return
	}
	for _, a := range world.Objects(in["attachments"]) {
		card, err := json.Marshal(a["content"])
		if err != nil || world.Text(a, "contentType") != "application/vnd.microsoft.card.adaptive" {
			continue
		}
		id := s.world.NewGUID()
		s.post(world.Text(o, "~tenant"), world.ChannelMessages, world.Text(o, "~channel"), "", world.Object{"user": nil, "device": nil,
			"application": world.Object{"id": "workflows", "displayName": "Workflows", "applicationIdentityType": "bot"}},
			world.Object{"body": world.Object{"contentType": "html", "content": `<attachment id="` + id + `"></attachment>`},
				"attachments": []any{world.Object{"id": id, "contentType": a["contentType"], "contentUrl": nil, "content": string(card), "name": nil, "thumbnailUrl": nil}}})
	}
}
