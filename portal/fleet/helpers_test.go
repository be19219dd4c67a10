package fleet

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

const portalURL = "https://cameras.example.org"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(provisionAsChild(dir))
	}
	goleak.VerifyTestMain(m)
}

// newFleet is a fleet with a database of its own.
func newFleet(t *testing.T) (*Service, *store.Store, credential.Secret) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "portal.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	master := credential.NewSecret()
	return New(s, master), s, master
}

func order(count int) Order {
	return Order{Name: "first", Count: count, PortalURL: portalURL, Source: "testpattern", Sheet: "a4-3x8"}
}

func unwatched(int) {}

// labels are n that are on no camera.
func labels(t *testing.T, n int) []Label {
	t.Helper()
	list := make([]Label, n)
	for i := range list {
		list[i] = Label{
			Portal: portalURL, Camera: credential.NewCode(), Claim: credential.NewCode(), Pairing: credential.NewCode(),
			Fingerprint: credential.FingerprintOf([]byte{byte(i)}),
		}
	}
	return list
}
