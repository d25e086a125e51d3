package teams_test

import (
	"bytes"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/teams"
	"seneschal/internal/fault"
)

// drawn is an image of more bytes than Teams takes of a message's words.
func drawn(t *testing.T) []byte {
	t.Helper()
	pixels := image.NewGray(image.Rect(0, 0, 256, 256))
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // noise does not compress
	for i := range pixels.Pix {
		pixels.Pix[i] = byte(r.UintN(256))
	}
	var out bytes.Buffer
	if err := png.Encode(&out, pixels); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// An image goes with a message, a reply and a message of a chat, stands where the words have a place for it, and is read back in both modes.
func TestAnImageIsPostedAndReadBackInBothModes(t *testing.T) {
	b := start(t)
	want, own := drawn(t), bench.Through(bench.Person)
	at := channel(b, team(b, "Field Service"), "General")
	file := b.File("image", `lift "A".png`, want)
	top := bench.Do[teams.Message](b, "teams.channel_message.send", with(at, bench.In{"text": "Stuck <again>: {image} Please look."}), file, own)
	reply := bench.Do[teams.Message](b, "teams.channel_message.reply", with(at, bench.In{"message": top.ID, "html": "<b>Same here</b>"}), file, own)
	chat := bench.Do[teams.Chat](b, "teams.chat.create", bench.In{"with": []string{ben}}, own).ID
	said := bench.Do[teams.Message](b, "teams.chat_message.send", bench.In{"chat": chat, "text": "Look", "cards": []bench.In{{"type": "AdaptiveCard", "version": "1.4"}}}, file, own)
	for _, through := range []string{bench.App, bench.Person} {
		for _, tt := range []struct {
			name, kind          string
			at                  bench.In
			before, behind, has string
		}{
			{"at the top of a channel", "channel", with(at, bench.In{"message": top.ID}), "Stuck &lt;again&gt;: <img ", "> Please look.", "/messages/" + top.ID + "/hostedContents/"},
			{"a reply", "channel", with(at, bench.In{"message": top.ID, "reply": reply.ID}), "<b>Same here</b><br><img ", ">", "/replies/" + reply.ID + "/hostedContents/"},
			{"in a chat", "chat", bench.Named(through, bench.In{"chat": chat, "message": said.ID}), "Look<attachment id=\"card-0\"></attachment><br><img ", ">", "/messages/" + said.ID + "/hostedContents/"},
		} {
			t.Run(tt.name+", "+through, func(t *testing.T) {
				action := "teams." + tt.kind + "_message"
				all := bench.Do[teams.HostedList](b, action+".hosted_content.list", tt.at, bench.Through(through)).Contents
				if len(all) != 1 {
					t.Fatalf("contents: %+v", all)
				}
				var got bytes.Buffer
				one := bench.Do[teams.HostedDownloaded](b, action+".hosted_content.download", with(tt.at, bench.In{"content": all[0].ID}), bench.Out(&got), bench.Through(through))
				if !bytes.Equal(got.Bytes(), want) || one.ContentType != "image/png" || one.Bytes != int64(len(want)) || one.Hosted != all[0] {
					t.Errorf("%d bytes, %+v", got.Len(), one)
				}
				body := bench.Do[teams.Message](b, action+".get", tt.at, bench.Through(through)).Body
				if !strings.HasPrefix(body, tt.before) || !strings.HasSuffix(body, tt.behind) || !strings.Contains(body, tt.has+all[0].ID+"/$value") || !strings.Contains(body, `alt="lift &#34;A&#34;.png"`) {
					t.Errorf("the body: %s", body)
				}
				if f := b.Refused(action+".hosted_content.download", with(tt.at, bench.In{"content": "none"}), bench.Out(&got), bench.Through(through)); f.Kind != fault.NotFound {
					t.Errorf("no such content: %v", f)
				}
			})
		}
	}
	theirs := bench.In{"user": "support@contoso.example", "chat": chat, "message": said.ID}
	if f := b.Refused("teams.chat_message.hosted_content.list", theirs); f.Kind != fault.NotFound {
		t.Errorf("of a chat of somebody else: %v", f)
	}
	b.Silent(func() {
		theirs["user"] = "chloe@contoso.example"
		for _, in := range []bench.In{theirs, with(theirs, bench.In{"content": "x"})} {
			name := map[bool]string{true: "teams.chat_message.hosted_content.download", false: "teams.chat_message.hosted_content.list"}[in["content"] != nil]
			if f := b.Refused(name, in, bench.Out(io.Discard)); f.Code != "mailbox_not_listed" {
				t.Errorf("%s of a chat of somebody who is not listed: %v", name, f)
			}
		}
	})
	bench.Do[teams.Deleted](b, "teams.channel_message.delete", with(at, bench.In{"message": top.ID}), own)
	if all := bench.Do[teams.HostedList](b, "teams.channel_message.hosted_content.list", with(at, bench.In{"message": top.ID})).Contents; len(all) != 0 {
		t.Errorf("of a deleted message: %+v", all)
	}
}

// A post with an image whose answer is lost is found by its words, the image's place left out.
func TestAPostWithAnImageIsPostedOnce(t *testing.T) {
	for _, lost := range bench.Losses("/messages") {
		t.Run(lost.Name, func(t *testing.T) {
			b := start(t)
			at := channel(b, team(b, "Field Service"), "General")
			file, in := b.File("image", "x.png", drawn(t)), with(at, bench.In{"text": "Here: {image} now"})
			b.Fault(lost.Fault)
			run := b.Unclear("teams.channel_message.send", in, bench.Key("k"), bench.Through(bench.Person), file)
			b.Becomes(run, lost.AtOnce, lost.AtLast)
			if _, err := b.Call("teams.channel_message.send", in, bench.Key("k"), bench.Through(bench.Person), file); err != nil {
				t.Errorf("again: %v", err)
			}
			if n := len(messages(b, at, bench.App)); n != 1 {
				t.Errorf("%d of it", n)
			}
		})
	}
}

func TestWhatIsNoImageIsNotPosted(t *testing.T) {
	b := start(t)
	at := channel(b, team(b, "Field Service"), "General")
	sent := b.Sent("POST", "/messages")
	f := b.Refused("teams.channel_message.send", with(at, bench.In{"text": "x"}), b.File("image", "x.svg", []byte("<svg xmlns='http://www.w3.org/2000/svg'/>")), bench.Through(bench.Person))
	if f.Kind != fault.Invalid || f.Fields[0].Name != "image" || !strings.Contains(f.Fields[0].Message, "image/gif") {
		t.Errorf("no image: %v", f)
	}
	f = b.Refused("teams.channel_message.send", with(at, bench.In{"html": `<img src="../hostedContents/1/$value">`}), bench.Through(bench.Person))
	if f.Kind != fault.Invalid || f.Fields[0].Name != "html" || !strings.Contains(f.Fields[0].Message, "{image}") {
		t.Errorf("an image that the hub did not place: %v", f)
	}
	if n := b.Sent("POST", "/messages"); n != sent {
		t.Errorf("%d posts left", n-sent)
	}
	if got := post(b, at, bench.In{"text": "docker run {image}"}); got.Body != "docker run {image}" {
		t.Errorf("without an image its place is a word: %q", got.Body)
	}
}
