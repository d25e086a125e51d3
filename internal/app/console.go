package app

import (
	"net/http"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/face/console"
	"seneschal/internal/face/mcp"
	"seneschal/internal/m365"
)

// mountConsole adds the pages for people.
func (s *Server) mountConsole(mux *http.ServeMux) error {
	banner := ""
	if s.app.Config.Cloud == m365.Custom && strings.Contains(s.app.Config.GraphURL, "127.0.0.1") {
		banner = "Simulated tenant: nothing leaves this machine"
	}
	f, err := console.New(console.Options{Runner: s.app.Runner, Access: s.app.Access, SSO: s.app.SSO, Connections: s.app.Connections, Clock: s.app.Clock, Log: s.app.Log,
		Secure: strings.HasPrefix(s.app.base(), "https:"), Banner: banner, Redirect: s.app.redirect, Issuer: s.app.base, Agents: mcp.Path})
	if err != nil {
		return err
	}
	s.console = f
	f.Mount(mux)
	return nil
}

func (s *Server) sessionCaller(r *http.Request) (access.Caller, error) { return s.console.Caller(r) }
