package notify

import "testing"

// FuzzDecode gives Decode what anybody may send: it reads or refuses, and what it reads is as many notes as were sent.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"value":[{"subscriptionId":"a","clientState":"b","tenantId":"c","lifecycleEvent":"missed","changeType":"updated"}]}`,
		`{"value":[{"subscriptionId":"a","encryptedContent":{"data":"AA=="}}],"validationTokens":["x.y.z"]}`,
		`{"value":null}`, `{"value":{}}`, `[]`, `{"value":[null,1]}`, `{"VALUE":[{}]}`, `{"value":[]}{"value":[]}`, "\xff", `{"value":[{"subscriptionId":"` + "\\u0000" + `"}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		notes, err := Decode(body)
		if err != nil && notes != nil {
			t.Errorf("%q: %v and %v", body, notes, err)
		}
		for _, n := range notes {
			if len(n.Subscription) > 4*len(body) {
				t.Errorf("%q became longer than it was", body)
			}
		}
	})
}
