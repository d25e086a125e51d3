package sim

import (
	"testing"

	"seneschal/internal/sim/trouble"
)

func matchPath(p string) trouble.Match { return trouble.Match{Path: p} }

func TestFaults(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	for _, tt := range []struct {
		fault  Fault
		status int
	}{
		{Fault{Kind: "status", Status: 503, Times: 1}, 503},
		{Fault{Kind: "429", RetryAfter: "7", Times: 1}, 429},
		{Fault{Kind: "429", Times: 1}, 429},
		{Fault{Kind: "html", Times: 1}, 200},
		{Fault{Kind: "expire_token", Times: 1}, 401},
	} {
		if err := c.Fault(tt.fault); err != nil {
			t.Fatal(err)
		}
		a := c.graph(token, "GET", "/organization", nil)
		if a.status != tt.status || a.header.Get("Retry-After") != tt.fault.RetryAfter {
			t.Errorf("%s: got %d Retry-After %q, want %d %q", tt.fault.Kind, a.status, a.header.Get("Retry-After"), tt.status, tt.fault.RetryAfter)
		}
	}
	for _, kind := range []string{"reset", "truncate"} {
		if err := c.Fault(Fault{Kind: kind, Times: 1}); err != nil {
			t.Fatal(err)
		}
		resp, err := c.client.Get(c.ready.LoginURL + "/common/v2.0/.well-known/openid-configuration")
		if err == nil {
			buf := make([]byte, 1<<16)
			for err == nil {
				_, err = resp.Body.Read(buf)
			}
			_ = resp.Body.Close()
			if err.Error() == "EOF" {
				t.Errorf("%s: the answer came whole", kind)
			}
		}
	}
	if err := c.Fault(Fault{Kind: "nonsense"}); err == nil {
		t.Error("an unknown kind was taken")
	}
	if a := c.graph(token, "GET", "/organization", nil); a.status != 200 {
		t.Errorf("after the faults: got %d", a.status)
	}
}
