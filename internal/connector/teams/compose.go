package teams

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Mention is somebody to be mentioned: they are told.
type Mention struct {
	User string `json:"user" minLength:"1" doc:"Person by address or id; a member of the channel or chat"`
	As   string `json:"as,omitempty" maxLength:"255" doc:"How they are called; by their name without"`
}

// FileLink is a file that lies in SharePoint or OneDrive already.
type FileLink struct {
	ID   string `json:"id" doc:"GUID of the file: what its eTag has between the braces"`
	URL  string `json:"url" doc:"Address of the file, by https"`
	Name string `json:"name" minLength:"1" maxLength:"255" doc:"Name with its ending"`
}

// Words are what a message says.
type Words struct {
	Text       string           `json:"text,omitempty" doc:"What it says, as text. Where {image} stands in it, or else at its end, the file image is shown, if there is one"`
	HTML       string           `json:"html,omitempty" doc:"What it says, as HTML, instead of text"`
	Importance string           `json:"importance,omitempty" enum:"normal,high,urgent" doc:"normal without"`
	Mentions   []Mention        `json:"mentions,omitempty" maxItems:"20" doc:"People to be told. Where {@0} stands in the words, the first one's name stands then, and so on; those without a place are named at the beginning"`
	Cards      []map[string]any `json:"cards,omitempty" maxItems:"10" doc:"Adaptive Cards as JSON"`
	Files      []FileLink       `json:"files,omitempty" maxItems:"10" doc:"Files in SharePoint or OneDrive that it shows; those who read it need access to them"`
}

// largest is what Teams takes of one message with all it carries: about 28 KB (its own "Limits and specifications", recall).
const largest = 28 << 10

const cardType = "application/vnd.microsoft.card.adaptive"

var (
	guidForm  = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	placeForm = regexp.MustCompile(`\{@(\d+)\}`)
	madeForm  = regexp.MustCompile(`(?i)<\s*(at|attachment)\b`)
)

// wrong names every field that cannot be.
func (w Words) wrong() []fault.Field {
	var wrong []fault.Field
	add := func(name, format string, args ...any) {
		wrong = append(wrong, fault.Field{Name: name, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case w.Text != "" && w.HTML != "":
		add("html", "is one form too many beside text")
	case strings.TrimSpace(w.Text+w.HTML) == "" && len(w.Cards) == 0:
		add("text", "is missing: give text, html or cards")
	case strings.Contains(w.HTML, "../hostedContents/"):
		add("html", "refers to ../hostedContents/: give the file image, and put {image} where it shall stand")
	case madeForm.MatchString(w.HTML):
		add("html", "holds <at> or <attachment>: give mentions, cards and files, and the hub makes those")
	}
	for _, m := range placeForm.FindAllStringSubmatch(w.Text+w.HTML, -1) {
		if n, err := strconv.Atoi(m[1]); err != nil || n >= len(w.Mentions) {
			add("mentions", "has nobody for %s", m[0])
		}
	}
	for i, card := range w.Cards {
		wrong = append(wrong, wrongCard(fmt.Sprintf("cards[%d]", i), card)...)
	}
	for i, f := range w.Files {
		if !guidForm.MatchString(f.ID) {
			add(fmt.Sprintf("files[%d].id", i), "is not a GUID like 153fa47d-18c9-4179-be08-9879815a9f90")
		}
		if u, err := url.Parse(f.URL); err != nil || u.Scheme != "https" || u.Host == "" {
			add(fmt.Sprintf("files[%d].url", i), "is not an address that begins with https://")
		}
	}
	if text, err := json.Marshal(w); err == nil && len(wrong) == 0 && len(text) > largest {
		add("text", "is %d bytes with everything it carries; Teams takes about %d of one message", len(text), largest)
	}
	return wrong
}

// wrongCard looks at what makes JSON a card; what a card may hold is judged by whoever shows it.
func wrongCard(name string, card map[string]any) []fault.Field {
	kind, _ := card["type"].(string)
	version, _ := card["version"].(string)
	text, err := json.Marshal(card)
	switch {
	case err != nil:
		return []fault.Field{{Name: name, Message: "cannot be written as JSON"}}
	case kind != "AdaptiveCard":
		return []fault.Field{{Name: name, Message: `has another type than "AdaptiveCard": only Adaptive Cards are shown`}}
	case version == "":
		return []fault.Field{{Name: name, Message: `has no version like "1.4"`}}
	case len(text) > largest:
		return []fault.Field{{Name: name, Message: fmt.Sprintf("is %d bytes; Teams takes about %d", len(text), largest)}}
	}
	return nil
}

// compose makes of the words what Teams takes. members tells who can be mentioned; it is asked only where somebody is.
func (w Words) compose(ctx context.Context, c action.Call, members graph.Path) (graph.NewChatMessage, error) {
	m := graph.NewChatMessage{Importance: w.Importance, Body: graph.ItemBody{ContentType: "text", Content: w.Text}}
	if w.HTML == "" && len(w.Mentions)+len(w.Cards)+len(w.Files) == 0 {
		return m, nil
	}
	m.Body = graph.ItemBody{ContentType: "html", Content: w.HTML}
	if w.HTML == "" {
		m.Body.Content = asHTML(w.Text)
	}
	if err := w.mention(ctx, c, members, &m); err != nil {
		return m, err
	}
	for i, card := range w.Cards {
		text, err := json.Marshal(card)
		if err != nil {
			return m, fault.BadField(fmt.Sprintf("cards[%d]", i), "cannot be written as JSON")
		}
		m.Attachments = append(m.Attachments, graph.ChatAttachment{ID: fmt.Sprintf("card-%d", i), ContentType: cardType, Content: string(text)})
	}
	for _, f := range w.Files {
		m.Attachments = append(m.Attachments, graph.ChatAttachment{ID: f.ID, ContentType: "reference", ContentURL: f.URL, Name: f.Name})
	}
	for _, a := range m.Attachments {
		m.Body.Content += `<attachment id="` + html.EscapeString(a.ID) + `"></attachment>`
	}
	return m, nil
}

// asHTML is a text as a page shows it.
func asHTML(text string) string {
	return strings.ReplaceAll(html.EscapeString(text), "\n", "<br>")
}

func (w Words) mention(ctx context.Context, c action.Call, members graph.Path, m *graph.NewChatMessage) error {
	if len(w.Mentions) == 0 {
		return nil
	}
	all, err := membersAt(ctx, c, members)
	if err != nil {
		return err
	}
	var wrong []fault.Field
	front := ""
	for i, who := range w.Mentions {
		at := slices.IndexFunc(all, func(m Member) bool { return m.is(who.User) })
		if at < 0 {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("mentions[%d].user", i), Message: "is not a member here, so they would not be told: give the address or id of a member"})
			continue
		}
		name := who.As
		if name == "" {
			name = all[at].Name
		}
		tag := `<at id="` + strconv.Itoa(i) + `">` + html.EscapeString(name) + `</at>`
		if mark := "{@" + strconv.Itoa(i) + "}"; strings.Contains(m.Body.Content, mark) {
			m.Body.Content = strings.ReplaceAll(m.Body.Content, mark, tag)
		} else {
			front += tag + " "
		}
		m.Mentions = append(m.Mentions, graph.ChatMention{ID: i, Text: name, Mentioned: graph.ChatIdentity{User: &graph.ChatParty{ID: all[at].User, DisplayName: all[at].Name, Kind: "aadUser"}}})
	}
	m.Body.Content = front + m.Body.Content
	return fault.OfFields(wrong)
}
