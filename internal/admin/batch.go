package admin

import (
	"context"

	"seneschal/internal/access"
	"seneschal/internal/action"
)

type batchIn struct {
	Connection string        `json:"connection" doc:"Id or name of the connection to act through"`
	Steps      []action.Step `json:"steps" minItems:"1" maxItems:"1000" doc:"What to do, in any order: what does not wait for another step runs at the same time"`
}

type batchOut struct {
	OK    bool                `json:"ok" doc:"Every step is done"`
	Steps []action.StepResult `json:"steps" doc:"In the order asked"`
}

func (h *Hub) batchActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "batch.run", Summary: "Run many actions through one connection: reads share Microsoft's batches, and steps may wait for one another.", Effect: action.Writes, Target: action.OnHub,
			Scope: access.Acting, Keyed: true, Route: "POST /connections/{connection}/batch", Args: []string{"connection"}}, func(ctx context.Context, c action.Call, in batchIn) (batchOut, error) {
			steps, err := h.Runner.Batch(ctx, action.BatchRequest{Connection: in.Connection, Caller: c.Caller, Steps: in.Steps, Key: c.Key})
			out := batchOut{OK: err == nil, Steps: steps}
			for _, s := range steps {
				out.OK = out.OK && s.State == action.StepDone
			}
			return out, err
		}),
	}
}
