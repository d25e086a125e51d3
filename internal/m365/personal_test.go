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
	if !slices.Contains(Capabilities()[0].Modes, Delegated) || !WorkOnlyCapability(Teams) || WorkOnlyCapability(Mail) {
		t.Error("Teams is for organisations, mail for everybody")
	}
}
