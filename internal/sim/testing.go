package sim

import (
	"context"
	"testing"
)

// StartForTest plays a world in a temporary directory until the test ends.
func StartForTest(t testing.TB, world string, opts ...func(*Config)) *Sim {
	t.Helper()
	c := Config{World: world, Dir: t.TempDir(), Seed: 1}
	for _, o := range opts {
		o(&c)
	}
	s, err := Start(context.Background(), c)
	if err != nil {
		t.Fatalf("the simulator does not start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("the simulator does not end well: %v", err)
		}
	})
	return s
}
