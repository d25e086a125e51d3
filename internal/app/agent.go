package app

import (
	"fmt"

	"github.com/spf13/cobra"

	"seneschal/internal/admin"
	"seneschal/internal/engine/alarm"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/face/mcp"
)

// mcpCommand serves an agent on this host over standard input and output. It goes the way all commands go: to the hub of SENESCHAL_URL, to
// the one that runs on this database, or to the database itself.
func (p *process) mcpCommand() *cobra.Command {
	var tools string
	var write, list bool
	cmd := &cobra.Command{Use: "mcp", Short: "Serve an agent on this host: the Model Context Protocol over standard input and output.", Args: cobra.NoArgs}
	cmd.Flags().StringVar(&tools, "tools", "everyday", "everyday, or all of the catalogue")
	cmd.Flags().BoolVar(&write, "write", false, "offer tools that change something, too; each gives a plan that a person approves")
	cmd.Flags().BoolVar(&list, "list", false, "print the tools as JSON instead of serving")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if tools != "everyday" && tools != "all" {
			return fmt.Errorf("--tools is %q; there are everyday and all", tools)
		}
		r, err := registry(&admin.Hub{}, &timeline.Engine{}, &alarm.Engine{}, &delivery.Engine{})
		if err != nil {
			return err
		}
		face := &mcp.Face{Registry: r, Version: Version}
		if list {
			text, err := face.List(tools == "all", write)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.io.Out, string(text))
			return err
		}
		hub, done, err := p.open(cmd.Context(), givenFlags(cmd.Root()))
		if err != nil {
			return err
		}
		defer done()
		face.Do = hub.Do
		return face.ServeStdio(cmd.Context(), p.io.In, p.io.Out, tools == "all", write)
	}
	return cmd
}
