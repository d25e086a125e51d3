package m365

import (
	"slices"
	"testing"
)

func TestWorkOnly(t *testing.T) {
	for _, o := range []OperationKey{"GET /teams/{team-id}", "GET /sites/{site-id}", "POST /users/{user-id}/calendar/getSchedule", "GET /users", "GET /me/presence"} {
		if !WorkOnly(o) {
			t.Errorf("%s is not for personal accounts", o)
		}
	}
	for _, o := range []OperationKey{"GET /users/{user-id}/messages", "GET /me/drive/root", "GET /users/{user-id}/todo/lists", "GET /users/{user-id}"} {
		if WorkOnly(o) {
			t.Errorf("%s is for personal accounts, too", o)
		}
	}
	for _, info := range Capabilities() {
		want := slices.Contains([]Capability{Directory, SharePoint, Teams, Presence, Meetings, FollowSites}, info.Name)
		if WorkOnlyCapability(info.Name) != want {
			t.Errorf("%s for organisations alone: %v, want %v", info.Name, !want, want)
		}
	}
}
