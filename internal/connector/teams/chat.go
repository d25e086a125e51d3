package teams

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Chat is a chat.
type Chat struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind" doc:"oneOnOne, group or meeting"`
	Topic   string    `json:"topic,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`
	Members []Member  `json:"members,omitempty"`
	URL     string    `json:"url,omitempty"`
}

func chatOf(c graph.Chat) Chat {
	out := Chat{ID: c.ID, Kind: c.ChatType, Topic: c.Topic, Created: c.CreatedDateTime, Updated: c.LastUpdatedDateTime, URL: c.WebURL}
	for _, m := range c.Members {
		out.Members = append(out.Members, memberOf(m))
	}
	return out
}

// ChatIn names one chat. Through an app it names whose it is, too: the connection's list of people says whose chats the app may see.
type ChatIn struct {
	place.Mailbox
	Chat string `json:"chat" minLength:"1" doc:"Chat by id"`
}

// at is the chat as the call reaches it. Its address names nobody, so for an app it is asked who is in it before anything is read of it: the fence
// has judged the person then.
func (in ChatIn) at(ctx context.Context, c action.Call) (graph.Path, error) {
	owner, err := c.Bound.Graph.Owner(m365.UserID(in.User))
	if err != nil {
		return graph.Path{}, err
	}
	p := owner.Chat(in.Chat)
	if c.Bound.Graph.Mode() == m365.Delegated {
		return p, nil
	}
	all, err := membersAt(ctx, c, p.Sub("members"))
	if err != nil {
		return p, err
	}
	id, err := personID(ctx, c, in.User)
	if err == nil && !slices.ContainsFunc(all, func(m Member) bool { return m.is(id) }) {
		err = fault.Missing("chat of this person", in.Chat)
	}
	return p, err
}

// ChatListIn asks for a person's chats.
type ChatListIn struct {
	place.Mailbox
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"50" doc:"At most so many a page; 20 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer"`
}

func (in ChatListIn) question() []any { return []any{"chats", in.User, in.Limit} }

// Check finds a foreign cursor.
func (in ChatListIn) Check() error { return cursor.Check(in.Cursor, in.question()...) }

// ChatList is one page of chats.
type ChatList struct {
	Chats      []Chat `json:"chats"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// ChatCreateIn is a new chat.
type ChatCreateIn struct {
	place.Mailbox
	With  []string `json:"with" minItems:"1" maxItems:"249" doc:"The others by address or id: one makes a chat of two, which there is once, more a group"`
	Topic string   `json:"topic,omitempty" maxLength:"250" doc:"Topic of a group"`
	Group bool     `json:"group,omitempty" doc:"A group even with one other"`
}

func (in ChatCreateIn) ofTwo() bool { return len(in.With) == 1 && !in.Group }

// Check finds a topic where none can be.
func (in ChatCreateIn) Check() error {
	if in.Topic != "" && in.ofTwo() {
		return fault.BadField("topic", "goes with a group alone")
	}
	return nil
}

// ChatMemberIn names somebody of a chat.
type ChatMemberIn struct {
	ChatIn
	Member string `json:"member" minLength:"1" doc:"Person by address or id"`
}

func chatActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.chat.list", Summary: "List the chats of a person.", Effect: action.Reads,
			Operations: []m365.OperationKey{listChats}, Capability: m365.Teams}, listChatsOf),
		action.Define(action.Spec{Name: "teams.chat.get", Summary: "Read one chat, and who is in it.", Effect: action.Reads,
			Operations: []m365.OperationKey{readChat, listInChat}, Capability: m365.Teams, Args: []string{"chat"}}, getChat),
		action.Define(action.Spec{Name: "teams.chat.create", Summary: "Make a chat; through an app, one that the app itself cannot write into.", Effect: action.Writes,
			Operations: []m365.OperationKey{listChats, createChats}, MayCall: []m365.OperationKey{readUser}, Capability: m365.Teams}, createChat, action.WithReconcile(createdChat)),
		action.Define(action.Spec{Name: "teams.chat.member.list", Summary: "List who is in a chat.", Effect: action.Reads,
			Operations: []m365.OperationKey{listInChat}, Capability: m365.Teams, Args: []string{"chat"}},
			func(ctx context.Context, c action.Call, in ChatIn) (Members, error) {
				p, err := in.at(ctx, c)
				if err != nil {
					return Members{}, explain(ctx, c, "", err)
				}
				all, err := membersAt(ctx, c, p.Sub("members"))
				return Members{all}, explain(ctx, c, "", err)
			}),
		once.Define(action.Spec{Name: "teams.chat.member.add", Summary: "Add somebody to a group chat, once, with what was said so far.", Effect: action.Writes,
			Operations: []m365.OperationKey{listInChat, addInChat}, MayCall: []m365.OperationKey{readUser}, Capability: m365.Teams, Args: []string{"chat", "member"}}, ChatMemberIn.creation),
		action.Define(action.Spec{Name: "teams.chat.member.remove", Summary: "Take somebody out of a group chat.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{listInChat, removeInChat}, Capability: m365.Teams, Args: []string{"chat", "member"}}, removeFromChat),
	}
}

func listChatsOf(ctx context.Context, c action.Call, in ChatListIn) (ChatList, error) {
	box, err := in.In(c)
	if err != nil {
		return ChatList{}, err
	}
	from := cursor.Start{Graph: box.Graph, Path: box.Sub("chats"), Text: in.Cursor, Question: in.question()}
	list, next, err := cursor.Page(ctx, from, chatOf, graph.Top(cmp.Or(in.Limit, 20)), withMembers)
	return ChatList{list, next}, explain(ctx, c, "", err)
}

var withMembers = graph.Query("$expand", "members")

func getChat(ctx context.Context, c action.Call, in ChatIn) (Chat, error) {
	p, err := in.at(ctx, c)
	if err != nil {
		return Chat{}, explain(ctx, c, "", err)
	}
	chat, err := graph.Get[graph.Chat](ctx, c.Bound.Graph, p)
	if err != nil {
		return Chat{}, explain(ctx, c, "", err)
	}
	out := chatOf(chat)
	out.Members, err = membersAt(ctx, c, p.Sub("members"))
	return out, err
}

// addition is the way of a group: several may have the same people and topic, and another one is the one that was made.
func (in ChatCreateIn) addition(ctx context.Context, c action.Call) (once.Addition[Chat], error) {
	g := c.Bound.Graph
	owner, err := g.Owner(m365.UserID(in.User))
	if err != nil {
		return once.Addition[Chat]{}, err
	}
	self, err := personID(ctx, c, in.User)
	if err != nil {
		return once.Addition[Chat]{}, err
	}
	people := []string{self}
	chat := graph.NewChat{ChatType: "group", Topic: in.Topic, Members: []graph.NewMember{g.Member(self, "owner")}}
	for _, w := range in.With {
		id, err := somebody(ctx, c, w)
		if err != nil {
			return once.Addition[Chat]{}, err
		}
		people = append(people, id)
		chat.Members = append(chat.Members, g.Member(id, "owner"))
	}
	opts := []graph.Option{}
	if in.ofTwo() { // of two people there is one chat, however often it is made (chat-post.md)
		chat.ChatType, opts = "oneOnOne", append(opts, graph.Idempotent())
	}
	return once.Addition[Chat]{
		List: func(ctx context.Context, proof graph.Option) ([]Chat, error) {
			out := []Chat{}
			for ch, err := range graph.List[graph.Chat](ctx, g, owner.Sub("chats"), graph.Top(50), withMembers, proof) {
				if err != nil {
					return nil, err
				}
				out = append(out, chatOf(ch))
			}
			return out, nil
		},
		ID: func(ch Chat) string { return ch.ID },
		Is: func(ch Chat) bool { return ch.Kind == "group" && ch.Topic == in.Topic && ch.has(people) },
		Make: func(ctx context.Context) (Chat, error) {
			ch, err := graph.Post[graph.Chat](ctx, g, owner.Chats(), chat, opts...)
			return chatOf(ch), explain(ctx, c, "", err)
		},
	}, nil
}

// has tells whether these people, and no others, are in the chat.
func (c Chat) has(people []string) bool {
	var there []string
	for _, m := range c.Members {
		there = append(there, strings.ToLower(m.User))
	}
	wanted := slices.Clone(people)
	for i, p := range wanted {
		wanted[i] = strings.ToLower(p)
	}
	slices.Sort(there)
	slices.Sort(wanted)
	return slices.Equal(there, wanted)
}

func createChat(ctx context.Context, c action.Call, in ChatCreateIn) (Chat, error) {
	way, err := in.addition(ctx, c)
	if err != nil {
		return Chat{}, err
	}
	if in.ofTwo() {
		return way.Make(ctx)
	}
	return way.Run(ctx, c)
}

func createdChat(ctx context.Context, c action.Call, in ChatCreateIn) (Chat, action.Answer, error) {
	if in.ofTwo() {
		return once.Again(createChat(ctx, c, in))
	}
	way, err := in.addition(ctx, c)
	if err != nil {
		return Chat{}, action.StillOpen, err
	}
	return way.Became(ctx, c)
}

func (in ChatMemberIn) creation(ctx context.Context, c action.Call) (once.Creation[Member], error) {
	p, err := in.at(ctx, c)
	if err != nil {
		return once.Creation[Member]{}, explain(ctx, c, "", err)
	}
	id, err := somebody(ctx, c, in.Member)
	return once.Creation[Member]{
		Find: func(ctx context.Context, proof graph.Option) (Member, bool, error) {
			all, err := membersAt(ctx, c, p.Sub("members"), proof)
			if i := slices.IndexFunc(all, func(m Member) bool { return m.is(id) }); i >= 0 {
				return all[i], true, nil
			}
			return Member{}, false, explain(ctx, c, "", err)
		},
		Make: func(ctx context.Context) (Member, error) {
			add := struct {
				graph.NewMember
				Since time.Time `json:"visibleHistoryStartDateTime"` // the zero time: everything (chat-post-members.md)
			}{NewMember: c.Bound.Graph.Member(id, "owner")}
			m, err := graph.Post[graph.ConversationMember](ctx, c.Bound.Graph, p.Sub("members"), add)
			return memberOf(m), explain(ctx, c, "", err)
		},
	}, err
}

func removeFromChat(ctx context.Context, c action.Call, in ChatMemberIn) (Removed, error) {
	p, err := in.at(ctx, c)
	if err != nil {
		return Removed{}, explain(ctx, c, "", err)
	}
	all, err := membersAt(ctx, c, p.Sub("members"))
	if err != nil {
		return Removed{}, explain(ctx, c, "", err)
	}
	i := slices.IndexFunc(all, func(m Member) bool { return m.is(in.Member) })
	if i < 0 {
		return Removed{}, fault.Missing("member", in.Member)
	}
	return Removed{all[i].User}, explain(ctx, c, "", graph.Delete(ctx, c.Bound.Graph, p.Sub("members").Item("conversationMember-id", all[i].ID)))
}
