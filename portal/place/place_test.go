package place

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// database writes one in which 203.0.113.0/24 is a city, 198.51.100.0/24 a country and 2001:db8::/32 both.
func database(t *testing.T) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", IncludeReservedNetworks: true})
	require.NoError(t, err)
	name := func(text string) mmdbtype.Map {
		return mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(text), "de": mmdbtype.String("anders")}}
	}
	for network, entry := range map[string]mmdbtype.Map{
		"203.0.113.0/24":  {"city": name("Turin"), "country": name("Italy")},
		"198.51.100.0/24": {"country": name("Norway")},
		"2600::/16":       {"city": name("Oslo"), "country": name("Norway")},
	} {
		_, parsed, err := net.ParseCIDR(network)
		require.NoError(t, err)
		require.NoError(t, tree.Insert(parsed, entry))
	}
	path := filepath.Join(t.TempDir(), "city.mmdb")
	file, err := os.Create(path)
	require.NoError(t, err)
	_, err = tree.WriteTo(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return path
}

func TestPlaces(t *testing.T) {
	book, err := Open(database(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, book.Close()) }()
	for address, want := range map[string]string{
		"203.0.113.9": "Turin, Italy", "::ffff:203.0.113.9": "Turin, Italy", "198.51.100.1": "Norway", "2600::1": "Oslo, Norway",
		"192.0.2.1": "", "127.0.0.1": "This machine", "::1": "This machine", "10.1.2.3": "This network", "192.168.1.9": "This network",
		"fd00::1": "This network", "fe80::1%eth0": "This network", "nonsense": "", "": "",
	} {
		assert.Equal(t, want, book.Of(address), address)
	}
}

func TestWithoutADatabase(t *testing.T) {
	book, err := Open("")
	require.NoError(t, err)
	for _, b := range []*Book{book, nil} {
		assert.Equal(t, "This network", b.Of("192.168.1.9"))
		assert.Empty(t, b.Of("203.0.113.9"))
		assert.NoError(t, b.Close())
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.mmdb")
	_, err := Open(path)
	assert.ErrorContains(t, err, "geoip_file")
	require.NoError(t, os.WriteFile(path, []byte("no database"), 0o600))
	_, err = Open(path)
	assert.ErrorContains(t, err, "MaxMind DB format")
}
