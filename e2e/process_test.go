package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"seneschal/internal/connection"
	"seneschal/internal/store"
)

type demoSummary struct {
	Connections []struct {
		Name, State string
		Proof       struct {
			RequestID string `json:"request_id"`
		}
	}
	Actions []struct {
		Name      string
		OK        bool
		Items     int
		RequestID string `json:"request_id"`
	}
	Refusals []struct {
		Name, Code   string
		Alternatives []string
	}
	Doctor    []struct{ Connection, Capability, Fix, Who string }
	Customers []struct {
		Name, Last string
		Sees       map[string]int
	}
	Slots []struct{ State, Problem string }
}

// The demo connects both kinds, reads and writes, and leaves one fault to repair; after a kill it goes on where it was.
func TestTheDemoDoesItsWorkTwice(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	demo := func() demoSummary {
		t.Helper()
		cmd := exec.Command(bin, "demo", "--once", "--output", "json")
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
		var out, problems bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problems
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %s", err, problems.String())
		}
		var s demoSummary
		if err := json.Unmarshal(out.Bytes(), &s); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
		return s
	}
	check := func(s demoSummary) {
		t.Helper()
		states := map[string]string{}
		for _, c := range s.Connections {
			states[c.Name] = c.State
			if c.Proof.RequestID == "" {
				t.Errorf("%s has no proof", c.Name)
			}
		}
		if states["contoso"] != "healthy" || states["contoso-person"] != "healthy" || states["contoso-second"] != "pending_consent" {
			t.Errorf("states: %v", states)
		}
		if len(s.Actions) < 8 {
			t.Errorf("only %d actions", len(s.Actions))
		}
		done := map[string]bool{}
		for _, a := range s.Actions {
			done[a.Name] = true
			if !a.OK || a.Items < 1 || a.RequestID == "" {
				t.Errorf("%+v", a)
			}
		}
		if !done["mail.message.send"] || !done["contact.list"] || !done["todo.task.create"] || !done["sharepoint.list_item.get"] || !done["drive.item.upload"] || !done["teams.channel_message.send"] {
			t.Errorf("done: %v", done)
		}
		if len(s.Refusals) != 1 || s.Refusals[0].Code != "mode_not_supported" || len(s.Refusals[0].Alternatives) == 0 {
			t.Errorf("the app posts nothing, and says why: %+v", s.Refusals)
		}
		if len(s.Doctor) == 0 || s.Doctor[0].Connection != "contoso-second" || s.Doctor[0].Fix == "" || s.Doctor[0].Who == "" {
			t.Errorf("doctor: %+v", s.Doctor)
		}
		for _, c := range s.Customers {
			admin, member, viewer := c.Sees["admin"], c.Sees["Ada Lovelace"], c.Sees["Ben Okafor"]
			if member == 0 || viewer == 0 || admin <= member || admin <= viewer || c.Last == "" {
				t.Errorf("an admin sees all, a member and a viewer what is theirs: %+v", c)
			}
		}
		if len(s.Customers) != 3 {
			t.Errorf("customers: %+v", s.Customers)
		}
		stand := map[string]bool{}
		for _, one := range s.Slots {
			stand[one.State] = true
			if needs := one.State == "planned" || one.State == "placing" || one.State == "held" || one.State == "failed"; needs != (one.Problem != "") {
				t.Errorf("the slot does not say why: %+v", one)
			}
		}
		for _, state := range []string{"planned", "placing", "placed", "drifted", "held", "failed", "withdrawn"} {
			if !stand[state] {
				t.Errorf("no slot is %s: %+v", state, s.Slots)
			}
		}
	}
	for _, after := range []time.Duration{100, 300, 600} { // milliseconds of a run of about a second
		killed := exec.Command(bin, "demo", "--once")
		killed.Dir, killed.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
		if err := killed.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after * time.Millisecond)
		_ = killed.Process.Kill() // it may have ended
		_ = killed.Wait()         // killed on purpose
	}
	check(demo())
	check(demo())
}

// Two processes that write at once neither lose nor repeat anything: one key is one mail.
func TestTwoHubsOnOneDatabase(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			g := newGround(t, engine)
			if out, _ := g.run(g.form(), nil, "connection", "add", "--input", "-"); !bytes.Contains([]byte(out), []byte("healthy")) {
				t.Fatal(out)
			}
			mail := map[string]any{"user": "ada@contoso.example", "to": []string{"ben@contoso.example"}, "subject": "Invoice 4711", "body": "Once."}
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					g.run(mail, nil, "action", "run", "mail.message.send", "--connection", "contoso", "--input", "-", "--idempotency-key", "same")
				})
			}
			all.Wait()
			waitFor(t, g, "Ben has the invoice", func() bool { return received(t, g, "Invoice 4711") > 0 })
			if n := received(t, g, "Invoice 4711"); n != 1 {
				t.Errorf("Ben has it %d times, want once", n)
			}
			a := g.reopen()
			if c, err := a.Connections.Lookup(t.Context(), "contoso"); err != nil || c.State != connection.Healthy {
				t.Errorf("%s %v", c.State, err)
			}
			verifyAudit(t, a)
		})
	}
}

// A backup of one database restores into the other, with every secret opening again.
func TestABackupRestoresIntoEitherDatabase(t *testing.T) {
	for _, pair := range [][2]store.Engine{{store.SQLite, store.Postgres}, {store.Postgres, store.SQLite}} {
		t.Run(string(pair[0])+" to "+string(pair[1]), func(t *testing.T) {
			g := newGround(t, pair[0])
			if out, _ := g.run(g.form(), nil, "connection", "add", "--input", "-"); !bytes.Contains([]byte(out), []byte("healthy")) {
				t.Fatal(out)
			}
			file := filepath.Join(g.dir, "hub.backup")
			if out, _ := g.run(nil, nil, "backup", "create", file); !bytes.Contains([]byte(out), []byte("rows in")) {
				t.Fatal(out)
			}
			other := []string{"SENESCHAL_DATABASE_URL=" + store.TestURL(t, pair[1])}
			if out, _ := g.run(nil, other, "backup", "restore", file); !bytes.Contains([]byte(out), []byte("rows restored")) {
				t.Fatal(out)
			}
			for _, command := range [][]string{{"connection", "test", "contoso"}, {"audit", "verify"}} {
				out, _ := g.run(nil, other, command...)
				if !bytes.Contains([]byte(out), []byte("ok: true")) {
					t.Errorf("%v: %s", command, out)
				}
			}
		})
	}
}
