package sim

import "testing"

func TestSharedMail(t *testing.T) {
	c := start(t)
	const support, dispatch = "/users/support@contoso.example", "/users/dispatch@contoso.example"
	person := c.signIn(c.app("Seneschal sign-in for shared mailboxes"), "ada@contoso.example", "openid offline_access Mail.ReadWrite.Shared").str("access_token")
	own := c.signIn(c.app("Seneschal sign-in"), "ada@contoso.example", "openid offline_access Mail.ReadWrite").str("access_token")
	stranger := c.signIn(c.app("Seneschal sign-in for shared mailboxes"), "ben@contoso.example", "openid offline_access Mail.ReadWrite.Shared").str("access_token")
	draftFrom := func(token, box, from string) string {
		m := draft("ben@contoso.example")
		m["from"] = recipientOf(from)[0]
		return box + "/messages/" + c.graph(token, "POST", box+"/messages", m).str("id") + "/send"
	}
	for _, tt := range []struct {
		name, token, method, path string
		status                    int
		code                      string
	}{
		{"let in", person, "GET", support + "/mailFolders/inbox/messages", 200, ""},
		{"the folder itself", person, "GET", support + "/mailFolders/inbox", 200, ""},
		{"one's own", person, "GET", "/me/messages", 200, ""},
		{"not let in", person, "GET", dispatch + "/mailFolders/inbox/messages", 403, "ErrorAccessDenied"},
		{"somebody else, not let in", stranger, "GET", support + "/messages", 403, "ErrorAccessDenied"},
		{"without the permission for shared mail", own, "GET", support + "/messages", 403, "ErrorAccessDenied"},
		{"not its settings", person, "GET", support + "/mailboxSettings", 403, "ErrorAccessDenied"},
		{"not its rules", person, "GET", support + "/mailFolders/inbox/messageRules", 403, "ErrorAccessDenied"},
		{"sending as it", person, "POST", draftFrom(person, support, "support@contoso.example"), 202, ""},
		{"sending as it from one's own mailbox", person, "POST", draftFrom(person, "/me", "support@contoso.example"), 202, ""},
		{"sending as somebody else", person, "POST", draftFrom(person, "/me", "ben@contoso.example"), 403, "ErrorSendAsDenied"},
	} {
		if a := c.graph(tt.token, tt.method, tt.path, nil); a.status != tt.status || a.str("error", "code") != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.raw, tt.status, tt.code)
		}
	}
}
