package mail

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strings"

	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// walkPage is how many messages a step of a walk asks for: large pages cost fewest requests, small ones least memory.
const walkPage = 500

// metadata is what walks read of a message. The body is not among it; the preview is, and it needs Mail.Read (graph/FACTS §7).
var metadata = graph.Select("id", "subject", "bodyPreview", "from", "sender", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "receivedDateTime", "sentDateTime",
	"internetMessageId", "conversationId", "parentFolderId", "hasAttachments", "isDraft", "webLink")

// NoteFields are what a notification carries of a message: who takes part, and nothing that was written.
const NoteFields = "id,from,sender,toRecipients,ccRecipients,bccRecipients,isDraft"

// ReadNote reads what a notification carried.
func ReadNote(plain []byte) (graph.Message, error) {
	var m graph.Message
	if err := json.Unmarshal(plain, &m); err != nil {
		return m, err
	}
	if m.ID == "" {
		return m, errors.New("it names no message")
	}
	return m, nil
}

// WalkMessages follows the messages of one folder from a link on; from "" it reads all there are. Options may add a Prove.
func WalkMessages(ctx context.Context, g *graph.Client, mailbox m365.UserID, folder string, from m365.DeltaLink, opts ...graph.Option) iter.Seq2[graph.Page[graph.Message], error] {
	owner, err := g.Owner(mailbox)
	if err != nil {
		return broken[graph.Message](err)
	}
	return graph.Delta[graph.Message](ctx, g, owner.MailFolder(folder).Sub("messages"), from, append(opts, metadata, graph.PageSize(walkPage))...)
}

// WalkFolders follows the folders of a mailbox, the whole tree as a flat list.
func WalkFolders(ctx context.Context, g *graph.Client, mailbox m365.UserID, from m365.DeltaLink, opts ...graph.Option) iter.Seq2[graph.Page[graph.MailFolder], error] {
	owner, err := g.Owner(mailbox)
	if err != nil {
		return broken[graph.MailFolder](err)
	}
	return graph.Delta[graph.MailFolder](ctx, g, owner.MailFolders(), from, append(opts, graph.Select("id", "parentFolderId", "displayName", "totalItemCount"), graph.PageSize(walkPage))...)
}

func broken[T any](err error) iter.Seq2[graph.Page[T], error] {
	return func(yield func(graph.Page[T], error) bool) { yield(graph.Page[T]{}, err) }
}

// notCorrespondence are the folders, by their well-known names, whose mail was not sent or is thrown away.
var notCorrespondence = []string{"drafts", "outbox", "junkemail", "deleteditems"}

// Excluded gives the ids of the mailbox's folders whose mail is no correspondence: drafts, outbox, junk, deleted items.
func Excluded(ctx context.Context, g *graph.Client, mailbox m365.UserID) (map[string]bool, error) {
	owner, err := g.Owner(mailbox)
	if err != nil {
		return nil, err
	}
	var parts []graph.Part
	for _, name := range notCorrespondence {
		parts = append(parts, graph.Part{Method: http.MethodGet, Path: owner.MailFolder(name), Options: []graph.Option{graph.Select("id")}})
	}
	answers, err := g.Batch(ctx, parts)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, a := range answers {
		var f graph.MailFolder
		err := a.Into(&f)
		if fault.KindOf(err) == fault.NotFound && !graph.NoMailbox(err) {
			continue // not every mailbox has every one
		}
		if err != nil {
			return nil, err
		}
		out[f.ID] = true
	}
	return out, nil
}

// Find looks messages up by their immutable ids. One that is nowhere any more is missing in the answer.
func Find(ctx context.Context, g *graph.Client, mailbox m365.UserID, ids []string) (map[string]graph.Message, error) {
	owner, err := g.Owner(mailbox)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var parts []graph.Part
	for _, id := range ids {
		parts = append(parts, graph.Part{Method: http.MethodGet, Path: owner.Message(id), Options: []graph.Option{metadata}})
	}
	answers, err := g.Batch(ctx, parts)
	if err != nil {
		return nil, err
	}
	out := map[string]graph.Message{}
	for i, a := range answers {
		var m graph.Message
		err := a.Into(&m)
		if fault.KindOf(err) == fault.NotFound && !graph.NoMailbox(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[ids[i]] = m
	}
	return out, nil
}

// Body reads a message with its body as HTML, as Microsoft has sanitised it, and gives the proof of the answer.
func Body(ctx context.Context, g *graph.Client, mailbox m365.UserID, id string) (graph.Message, graph.Proof, error) {
	var proof graph.Proof
	owner, err := g.Owner(mailbox)
	if err != nil {
		return graph.Message{}, proof, err
	}
	m, err := graph.Get[graph.Message](ctx, g, owner.Message(id), graph.Select("id", "subject", "body", "from", "toRecipients", "ccRecipients", "sentDateTime", "receivedDateTime", "hasAttachments"), graph.Prove(&proof))
	return m, proof, err
}

// Counts gives how many messages Microsoft counts in each folder, the whole tree. The counts come with the folders themselves, as their
// delta does not tell when a count alone has changed.
func Counts(ctx context.Context, g *graph.Client, mailbox m365.UserID) (map[string]int, error) {
	out := map[string]int{}
	for p, err := range WalkFolders(ctx, g, mailbox, "") {
		if err != nil {
			return nil, err
		}
		for _, f := range p.Items {
			out[f.ID] = f.TotalItemCount
		}
	}
	return out, nil
}

// Followed lists the folders whose mail is correspondence: all but the excluded ones and what lies below them.
func Followed(ctx context.Context, g *graph.Client, mailbox m365.UserID) ([]string, error) {
	out, err := Excluded(ctx, g, mailbox)
	if err != nil {
		return nil, err
	}
	var all []graph.MailFolder
	for p, err := range WalkFolders(ctx, g, mailbox, "") {
		if err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
	}
	for range all { // a parent may come after its children: as often as there are levels at most
		before := len(out)
		for _, f := range all {
			if out[f.ParentFolderID] {
				out[f.ID] = true
			}
		}
		if len(out) == before {
			break
		}
	}
	var in []string
	for _, f := range all {
		if !out[f.ID] {
			in = append(in, f.ID)
		}
	}
	return in, nil
}

// FindOne finds a message by its Message-ID header, else by Microsoft's id.
func FindOne(ctx context.Context, g *graph.Client, mailbox m365.UserID, message string) (graph.Message, error) {
	owner, err := g.Owner(mailbox)
	if err != nil {
		return graph.Message{}, err
	}
	if !strings.Contains(message, "@") {
		return graph.Get[graph.Message](ctx, g, owner.Message(message), metadata)
	}
	id := "<" + strings.Trim(message, "<> ") + ">"
	for m, err := range graph.List[graph.Message](ctx, g, owner.Messages(), graph.Filter("internetMessageId eq "+graph.Quote(id)), metadata, graph.Top(1)) {
		return m, err
	}
	return graph.Message{}, fault.Missing("message", message)
}
