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
}

// Replace loads a partition into MSAL.
func (a accessor) Replace(ctx context.Context, c cache.Unmarshaler, h cache.ReplaceHints) error {
	partition := h.PartitionKey
	if p, ok := ctx.Value(partitionKey{}).(string); ok && partition == "" {
		partition = p
	}
	blob, err := a.store.Load(ctx, a.key, partition)
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
	return a.store.Save(ctx, a.key, h.PartitionKey, blob)
}

type partitionKey struct{}

// withPartition names the partition for the one call of MSAL that gives none (listing accounts).
func withPartition(ctx context.Context, partition string) context.Context {
	return context.WithValue(ctx, partitionKey{}, partition)
}

// hasRefreshToken looks into MSAL's cache format, which is fixed across its languages.
func hasRefreshToken(blob []byte) bool {
	var c struct {
		RefreshToken map[string]json.RawMessage
	}
	return json.Unmarshal(blob, &c) == nil && len(c.RefreshToken) > 0
}
