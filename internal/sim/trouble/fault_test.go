package trouble

import "testing"

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          bool
	}{
		{"/messages", "/v1.0/users/ada/messages", true},
		{"/v1.0/users/*/messages", "/v1.0/users/ada/messages", true},
		{"/v1.0/users/*/messages", "/v1.0/users/ada/messages/x", false},
		{"/v1.0/users/**", "/v1.0/users/ada/messages/x", true},
		{"**/delta", "/v1.0/users/ada/mailfolders/inbox/messages/delta", true},
		{"/v1.0/**/messages/*", "/v1.0/users/ada/messages/x", true},
		{"/v1.0/**/events", "/v1.0/users/ada/messages", false},
	} {
		if got := Glob(tt.pattern, tt.path); got != tt.want {
			t.Errorf("Glob(%q, %q): got %v, want %v", tt.pattern, tt.path, got, tt.want)
		}
	}
}

func TestTake(t *testing.T) {
	var b Book
	if err := b.Add(Fault{Kind: Status, After: 1, Times: 1}); err != nil {
		t.Fatal(err)
	}
	var got []bool
	for range 3 {
		_, played := b.Take(Request{}, Status)
		got = append(got, played)
	}
	if got[0] || !got[1] || got[2] {
		t.Errorf("after one, once: got %v", got)
	}
}
