package internet

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/portal/internet/internettest"
)

func TestSpecialRanges(t *testing.T) {
	judge := func(name, text string, want bool) {
		if text == "" {
			return
		}
		addr := netip.MustParseAddr(text)
		require.Equal(t, want, Special(addr), "%s: %s", name, addr)
		if addr.Is4() {
			for kind, embed := range internettest.Embedding {
				require.Equal(t, want, Special(embed(addr.As4())), "%s: %s, %s", name, addr, kind)
			}
		}
	}
	for _, e := range internettest.Edges {
		judge(e.Name, e.Before, false)
		judge(e.Name, e.First, true)
		judge(e.Name, e.Last, true)
		judge(e.Name, e.After, false)
	}
	for _, public := range []string{"1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "2a00:1450::1"} {
		judge("public", public, false)
	}
	require.True(t, Special(netip.MustParseAddr("fe80::1%eth0")), "with a zone")
	require.True(t, Special(netip.Addr{}), "none")
}
