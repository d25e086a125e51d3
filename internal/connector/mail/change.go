package mail

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// MoveIn moves a message.
type MoveIn struct {
	MessageIn
	Folder string `json:"folder" minLength:"1" doc:"Where to: folder by id or well-known name, such as archive or junkemail"`
}

// UpdateIn changes how a message is marked.
type UpdateIn struct {
	MessageIn
	IsRead     *bool    `json:"is_read,omitempty" doc:"Read or unread"`
	Flag       string   `json:"flag,omitempty" enum:"none,flagged,complete" doc:"Follow-up flag"`
	Categories []string `json:"categories,omitempty" maxItems:"25" doc:"Categories, the whole list; an empty list clears it"`
	Importance *string  `json:"importance,omitempty" enum:"low,normal,high" doc:"Importance"`
	Part       *string  `json:"part,omitempty" enum:"focused,other" doc:"Part of the inbox, for this message alone"`
}

// Check wants something to change.
func (in UpdateIn) Check() error {
	if in.IsRead == nil && in.Flag == "" && in.Categories == nil && in.Importance == nil && in.Part == nil {
		return fault.BadField("is_read", "nothing is to be changed: give is_read, flag, categories, importance or part")
	}
	return nil
}

// Deleted says where a deleted message went.
type Deleted struct {
	ID       string `json:"id"`
	FolderID string `json:"folder_id"`
}

// flags are our words for Outlook's.
var flags = map[string]string{"none": "notFlagged", "flagged": "flagged", "complete": "complete"}

func flagWord(status string) string {
	if status == "notFlagged" {
		return ""
	}
	return status
}

// Moves and marks say how it shall be, and ids are immutable: a second run finds the same message and leaves it as it is.
func changeActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.message.move", Summary: "Move a message to another folder.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{moveMessage}, Capability: m365.Mail, Args: []string{"message", "folder"}},
			func(ctx context.Context, c action.Call, in MoveIn) (Summary, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Summary{}, err
				}
				m, err := move(ctx, box.Graph, path, in.Folder)
				return summaryOf(m), err
			}),
		action.Define(action.Spec{Name: "mail.message.update", Summary: "Mark a message: read, flag, categories, importance, part of the inbox.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeMessage}, Capability: m365.Mail, Args: []string{"message"}}, updateMessage),
		action.Define(action.Spec{Name: "mail.message.delete", Summary: "Move a message to Deleted Items.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{moveMessage}, Capability: m365.Mail, Args: []string{"message"}},
			func(ctx context.Context, c action.Call, in MessageIn) (Deleted, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Deleted{}, err
				}
				m, err := move(ctx, box.Graph, path, deletedItems)
				return Deleted{m.ID, m.ParentFolderID}, err
			}),
	}
}

const deletedItems = "deleteditems"

func move(ctx context.Context, g *graph.Client, message graph.Path, folder string) (graph.Message, error) {
	return graph.Post[graph.Message](ctx, g, message.Sub("move"), struct {
		DestinationID string `json:"destinationId"`
	}{folder}, graph.Idempotent())
}

// discard removes a message by a move. DELETE would do the same once, but not twice: under an immutable id the repeated request finds the
// message in Deleted Items and removes it from there (graph/FACTS §7), and the pipeline repeats a DELETE whose answer was lost.
func discard(ctx context.Context, g *graph.Client, message graph.Path) error {
	_, err := move(ctx, g, message, deletedItems)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}

func updateMessage(ctx context.Context, c action.Call, in UpdateIn) (Summary, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Summary{}, err
	}
	change := graph.MessageChange{IsRead: in.IsRead, Categories: in.Categories, Importance: in.Importance, InferenceClass: in.Part}
	if in.Flag != "" {
		change.Flag = &graph.Flag{FlagStatus: flags[in.Flag]}
	}
	m, err := graph.Patch[graph.Message](ctx, box.Graph, path, change, graph.Idempotent())
	return summaryOf(m), err
}
