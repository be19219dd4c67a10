package bridge

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// Abuse 38: the role in an offer is the portal's word; a page's own goes nowhere, in any message.
func TestAbuse38_ForgedRole(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.open(login(owner), "")
		session := p.viewer.Session(1)
		for _, role := range []signaling.Role{"", signaling.RoleViewer, signaling.RoleOwner, "admin"} {
			p.send(signaling.Message{Type: signaling.TypeOffer, Session: session, Camera: ownersDoor, SDP: sdp, Role: role})
			p.send(signaling.Message{Type: signaling.TypeCandidate, Session: session, Camera: ownersDoor, Candidate: &signaling.Candidate{Candidate: "x"}, Role: role})
		}
		p.send(signaling.Message{Type: signaling.TypeBye, Session: session, Camera: ownersDoor, Role: signaling.RoleOwner})
		all := b.published()
		require.Len(t, all, 9)
		for _, s := range all {
			want := signaling.Role("")
			if s.body.Type == signaling.TypeOffer {
				want = signaling.RoleOwner
			}
			require.Equal(t, want, s.body.Role, s.body.Type)
		}
		require.Equal(t, "owner", all[0].raw["role"])
	})
}

// A camera does not say who a page is.
func TestRoleOfACameraGoesNowhere(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.open(login(owner), "")
		p.offer(1, ownersDoor)
		require.Len(t, b.published(), 1) // the session is known
		session := p.viewer.Session(1)
		payload, err := signaling.Encode(signaling.Message{Type: signaling.TypeAnswer, Session: session, SDP: sdp, Role: signaling.RoleOwner})
		require.NoError(t, err)
		b.Deliver(signaling.Topic{Kind: signaling.KindToViewer, Camera: ownersDoor, Portal: "p1", Session: session}, payload)
		got := p.received()
		require.Len(t, got, 1)
		text, err := json.Marshal(got[0])
		require.NoError(t, err)
		require.NotContains(t, string(text), "role")
	})
}
