package entra

import (
	"context"
	"encoding/json"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
)

// accessor joins MSAL's cache to ours. MSAL calls it around each acquisition; we ask MSAL only when the token at hand ends.
type accessor struct {
	store TokenCache
	key   string
	whole bool // a public client's cache is one piece, and MSAL gives no partition for it
}

const wholeCache = "all"

func (a accessor) partition(hint string) string {
	if a.whole {
		return wholeCache
	}
	return hint
}

// Replace loads a partition into MSAL.
func (a accessor) Replace(ctx context.Context, c cache.Unmarshaler, h cache.ReplaceHints) error {
	blob, err := a.store.Load(ctx, a.key, a.partition(h.PartitionKey))
	if err != nil || blob == nil {
		return err
	}
	return c.Unmarshal(blob)
}

// Export stores a partition of MSAL.
func (a accessor) Export(ctx context.Context, c cache.Marshaler, h cache.ExportHints) error {
	blob, err := c.Marshal()
	if err != nil {
		return err
	}
	return a.store.Save(ctx, a.key, a.partition(h.PartitionKey), blob)
}

// dropAccessTokens leaves everything else in the cache, the refresh token above all. The format is fixed across MSAL's languages.
func (a accessor) dropAccessTokens(ctx context.Context, account string) error {
	partition := a.partition(account)
	blob, err := a.store.Load(ctx, a.key, partition)
	if err != nil || blob == nil {
		return err
	}
	parts := map[string]json.RawMessage{}
	if err := json.Unmarshal(blob, &parts); err != nil {
		return err
	}
	delete(parts, "AccessToken")
	if blob, err = json.Marshal(parts); err != nil {
		return err
	}
	return a.store.Save(ctx, a.key, partition, blob)
}

// hasRefreshToken looks into MSAL's cache format, which is fixed across its languages.
func hasRefreshToken(blob []byte) bool {
	var c struct {
		RefreshToken map[string]json.RawMessage
	}
	return json.Unmarshal(blob, &c) == nil && len(c.RefreshToken) > 0
}
