package sim

import (
	"encoding/base64"
	"strings"
	"testing"
)

// What a message shows is kept with it, and named by its address in the body (chatmessage-post.md, chatmessagehostedcontent-get.md).
func TestHostedContents(t *testing.T) {
	c := start(t)
	c.wide()
	app, person := c.appToken("Seneschal"), c.as("ada@contoso.example")
	general := c.channelPath(app, c.teamID(app, fieldService), "General") + "/messages"
	bytes := strings.Repeat("pixels", 10_000)
	hosted := func(id, kind, content string) map[string]any {
		return map[string]any{"@microsoft.graph.temporaryId": id, "contentType": kind, "contentBytes": base64.StdEncoding.EncodeToString([]byte(content))}
	}
	with := func(all ...any) map[string]any {
		return map[string]any{"body": map[string]any{"contentType": "html", "content": `<img src="../hostedContents/1/$value">`}, "hostedContents": all}
	}
	message := c.graph(person, "POST", general, with(hosted("1", "image/png", bytes)))
	at := general + "/" + message.str("id")
	for _, tt := range []struct {
		name, token, method, path string
		body                      any
		status                    int
	}{
		{"without a name", person, "POST", general, with(hosted("", "image/png", "x")), 400},
		{"two of a name", person, "POST", general, with(hosted("1", "image/png", "x"), hosted("1", "image/png", "y")), 400},
		{"without a type", person, "POST", general, with(hosted("1", "", "x")), 400},
		{"without bytes", person, "POST", general, with(hosted("1", "image/png", "")), 400},
		{"that the body does not show", person, "POST", general, with(hosted("2", "image/png", "x")), 400},
		{"with a change", person, "PATCH", at, with(hosted("1", "image/png", "x")), 501},
		{"that is none", app, "GET", at + "/hostedContents/none/$value", nil, 404},
		{"of no message", app, "GET", general + "/1/hostedContents", nil, 404},
		{"without the permission", c.appToken("Seneschal to repair"), "GET", at + "/hostedContents", nil, 403},
	} {
		if a := c.graph(tt.token, tt.method, tt.path, tt.body); a.status != tt.status {
			t.Errorf("%s: got %d %s, want %d", tt.name, a.status, a.raw, tt.status)
		}
	}
	list := c.graph(app, "GET", at+"/hostedContents", nil).list()
	if len(list) != 1 || list[0]["contentType"] != nil || !strings.Contains(message.str("body", "content"), "/messages/"+message.str("id")+"/hostedContents/"+list[0]["id"].(string)+"/$value") {
		t.Fatalf("got %v of %s", list, message.raw)
	}
	if a := c.graph(app, "GET", at+"/hostedContents/"+list[0]["id"].(string)+"/$value", nil); a.status != 200 || string(a.raw) != bytes || a.header.Get("Content-Type") != "image/png" {
		t.Errorf("got %d with %d bytes of %q", a.status, len(a.raw), a.header.Get("Content-Type"))
	}
	c.graph(person, "POST", at+"/softDelete", nil)
	if list := c.graph(app, "GET", at+"/hostedContents", nil).list(); len(list) != 0 {
		t.Errorf("of a deleted message: %v", list)
	}
}
