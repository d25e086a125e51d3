package m365

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryNeedNamesAPermissionMicrosoftAcceptsForItsOperation(t *testing.T) {
	for _, c := range Capabilities() {
		for _, n := range slices.Concat(c.Needs, c.Wants) {
			op, ok := LookupOperation(n.Operation)
			if !ok {
				t.Errorf("%s: operation %q is not in the table", c.Name, n.Operation)
				continue
			}
			for _, m := range c.Modes {
				name := n.Name(m)
				if name == "" {
					if acc := op.In(m); !acc.Known || acc.Offered() {
						t.Errorf("%s, %s: no permission is named for %s, and Microsoft has %v", c.Name, m, n.Operation, acc.All)
					}
					continue
				}
				if !slices.Contains(op.In(m).All, name) && !meForm(n, m, name) {
					t.Errorf("%s, %s: %s is not accepted for %s: %v", c.Name, m, name, n.Operation, op.In(m).All)
				}
				ids, ok := LookupPermission(name)
				if !ok || (m == Application && ids.AppRole == "") || (m == Delegated && ids.Scope == "") {
					t.Errorf("%s, %s: %s has no id: an app registration could not name it", c.Name, m, name)
				}
			}
		}
	}
}

// What is said to be people's alone has, in Microsoft's data, no form that an app could be granted.
func TestWhatOnlyPeopleHaveCannotBeGrantedToApps(t *testing.T) {
	for name := range peopleOnly {
		if ids, known := LookupPermission(name); !known || ids.AppRole != "" || ids.Scope == "" {
			t.Errorf("%s: got %+v", name, ids)
		}
	}
	if op, _ := LookupOperation("PATCH /places/{place-id}"); op.In(Application).Offered() || !op.In(Delegated).Offered() {
		t.Error("an app is offered the change of places, or a person is not")
	}
}

// A delegated connection reads its owner only: what GET /me accepts is enough for it.
func meForm(n Need, m Mode, name string) bool {
	me, _ := LookupOperation("GET /me")
	return m == Delegated && n.Operation == "GET /users/{user-id}" && slices.Contains(me.In(m).All, name)
}

func TestNeedMetBy(t *testing.T) {
	timeline, _ := LookupCapability(Timeline)
	mail := timeline.Needs[1]
	for _, tt := range []struct {
		name    string
		granted []string
		by      string
		met     bool
	}{
		{"exactly what is asked", []string{"Mail.Read"}, "Mail.Read", true},
		{"a broader one serves", []string{"Mail.ReadWrite"}, "Mail.ReadWrite", true},
		{"the basic one has no preview", []string{"Mail.ReadBasic.All"}, "", false},
		{"something else", []string{"Calendars.Read"}, "", false},
		{"nothing", nil, "", false},
	} {
		granted := map[string]bool{}
		for _, g := range tt.granted {
			granted[g] = true
		}
		if by, met := mail.MetBy(Application, granted); by != tt.by || met != tt.met {
			t.Errorf("%s: got %q %v, want %q %v", tt.name, by, met, tt.by, tt.met)
		}
	}
}

func TestManifestMergesWhatCapabilitiesShare(t *testing.T) {
	got := Asking{Mode: Application, Capabilities: []Capability{Mail, Send, Dispatch}}.Manifest()
	var names []string
	for _, r := range got {
		names = append(names, r.Permission)
	}
	if diff := cmp.Diff([]string{"Calendars.ReadWrite", "Mail.ReadWrite", "Mail.Send", "User.Read.All"}, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Capability{Mail, Send}, got[2].Capabilities); diff != "" {
		t.Error(diff)
	}
}

func TestPairs(t *testing.T) {
	op, _ := LookupOperation("POST /servicePrincipals/{servicePrincipal-id}/appRoleAssignments")
	if op.In(Application).Allows(map[string]bool{"AppRoleAssignment.ReadWrite.All": true}) {
		t.Error("AppRoleAssignment.ReadWrite.All alone must not be enough: the data pair it with Application.Read.All")
	}
	if !op.In(Application).Allows(map[string]bool{"AppRoleAssignment.ReadWrite.All": true, "Application.Read.All": true}) {
		t.Error("the pair must be enough")
	}
}

// Our table of facts agrees with Microsoft's data row by row, where the data are at hand.
func TestTableAgreesWithMicrosoftsData(t *testing.T) {
	root := os.Getenv("SENESCHAL_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	text, err := os.ReadFile(filepath.Join(root, "graph", "permissions.json"))
	if err != nil {
		if os.Getenv("SENESCHAL_SHARED") != "" {
			t.Fatal(err)
		}
		t.Log("used 0 files: no shared data beside this checkout")
		return
	}
	type mode struct {
		All   []string          `json:"all"`
		Pairs map[string]string `json:"alsoRequires"`
	}
	var data struct {
		Operations []struct {
			Method, Path, Match string
			DelegatedWork       *mode
			Application         *mode
		}
		Permissions map[string]struct {
			IDs map[string]struct {
				ID string `json:"id"`
			} `json:"ids"`
		}
	}
	if err := json.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, o := range operations() {
		if o.Source != "page" {
			ours++
		}
	}
	if len(data.Operations) != ours {
		t.Errorf("Microsoft's data have %d operations, our table %d", len(data.Operations), ours)
	}
	compare := func(k OperationKey, m Mode, want *mode) {
		op, ok := LookupOperation(k)
		got := op.In(m)
		if !ok || got.Known != (want != nil) {
			t.Errorf("%s %s: known here %v, in the data %v", k, m, got.Known, want != nil)
			return
		}
		if want == nil {
			return
		}
		if !slices.Equal(got.All, want.All) {
			t.Errorf("%s %s: got %v, want %v", k, m, got.All, want.All)
		}
		for p, with := range want.Pairs {
			if strings.Join(got.Pairs[p], ",") != with {
				t.Errorf("%s %s: %s pairs with %v, want %v", k, m, p, got.Pairs[p], with)
			}
		}
	}
	for _, o := range data.Operations {
		if here, _ := LookupOperation(OperationKey(o.Method + " " + o.Path)); here.Source == "page" {
			t.Errorf("%s is in Microsoft's data now: take it out of documented.tsv", here.Key)
		}
		k := OperationKey(o.Method + " " + o.Path)
		compare(k, Delegated, o.DelegatedWork)
		compare(k, Application, o.Application)
	}
	for name, p := range data.Permissions {
		ids, ok := LookupPermission(name)
		if !ok || ids.Scope != p.IDs["delegated"].ID || ids.AppRole != p.IDs["application"].ID {
			t.Errorf("%s: got %+v, want %+v", name, ids, p.IDs)
		}
	}
	t.Logf("used 1 file: %d operations, %d permissions", len(data.Operations), len(data.Permissions))
}

// graph/FACTS §1.5, and ERRATA for China's login host.
func TestEveryCloudHasItsAddresses(t *testing.T) {
	want := map[Cloud][2]string{
		Global:   {"login.microsoftonline.com", "graph.microsoft.com"},
		USGov:    {"login.microsoftonline.us", "graph.microsoft.us"},
		USGovDoD: {"login.microsoftonline.us", "dod-graph.microsoft.us"},
		China:    {"login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn"},
	}
	for _, c := range Clouds() {
		got, fixed := c.Endpoints()
		if hosts, ok := want[c]; ok != fixed || (ok && (got.Login != "https://"+hosts[0] || got.Graph != "https://"+hosts[1] || got.GraphAudience != got.Graph)) {
			t.Errorf("%s: %+v, want %v", c, got, hosts)
		}
	}
}
