package bridge

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

func TestWelcomeAndStatus(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.dial(login(owner), "")
		go p.read()
		all := p.received()
		require.Len(t, all, 3)
		require.True(t, b.minter.owns(name(owner), all[0].Viewer))
		require.Equal(t, string(all[0].Viewer), all[0].ICEServers[0].Username)
		fingerprints := map[string]string{}
		for _, m := range all[1:] {
			require.True(t, m.Presence.Online)
			fingerprints[m.Camera] = m.Presence.Fingerprint
		}
		require.Equal(t, map[string]string{ownersDoor: "AA", ownersYard: ""}, fingerprints)
	})
}

func TestOneView(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.open(login(owner), "")
		session := p.viewer.Session(1)
		p.offer(1, ownersDoor)
		p.candidate(1, ownersDoor)
		p.offer(1, ownersDoor) // an ICE restart
		p.send(signaling.Message{Type: signaling.TypeBye, Session: session, Camera: ownersDoor, Reason: "whatever"})
		all := b.published()
		require.Len(t, all, 4)
		last := uint64(0)
		for _, s := range all {
			require.Equal(t, signaling.Topic{Kind: signaling.KindToCamera, Camera: ownersDoor, Portal: "p1", Session: session}, s.topic)
			require.Equal(t, 30*time.Second, s.mqtt.Expiry)
			require.False(t, s.mqtt.Retain)
			require.Greater(t, s.body.Seq, last)
			last = s.body.Seq
		}
		require.Equal(t, sdp, all[0].body.SDP)
		require.Equal(t, string(session), all[0].body.ICEServers[0].Username)
		require.Equal(t, "x", all[1].body.Candidate.Candidate)
		require.Equal(t, signaling.ReasonLeft, all[3].body.Reason)
		require.Empty(t, p.received(), "no news is good news")
	})
}

func TestAnswersReachTheirPage(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p, other := b.open(login(owner), ""), b.open(login(owner), "")
		p.offer(1, ownersDoor)
		b.published()
		session := p.viewer.Session(1)
		said := answer(session)
		said.ICEServers = []signaling.ICEServer{{URLs: []string{"stun:evil"}}}
		said.Viewer, said.Presence, said.Seq = "x", &signaling.Presence{}, 5
		b.says(ownersDoor, said)
		require.Equal(t, signaling.Message{V: 1, Type: signaling.TypeAnswer, Session: session, Camera: ownersDoor, SDP: sdp}, p.one())
		b.says(ownersDoor, signaling.Message{Type: signaling.TypeCandidate, Session: session, Candidate: &signaling.Candidate{}})
		b.says(ownersDoor, signaling.Message{Type: signaling.TypeError, Session: session, Error: &signaling.Error{Code: signaling.CodeBusy}})
		b.says(ownersDoor, signaling.Message{Type: signaling.TypeBye, Session: session, Reason: signaling.ReasonShutdown})
		b.says(ownersDoor, answer(session))
		all := p.received()
		require.Len(t, all, 3, "nothing after the bye")
		require.Equal(t, signaling.ReasonShutdown, all[2].Reason)
		require.Empty(t, other.received())
	})
}

// What a camera may not say is dropped.
func TestCameraSpeaksOnlyForItself(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p, q := b.open(login(owner), ""), b.open(login(neighbour), "")
		p.offer(1, ownersDoor)
		q.offer(1, neighboursDoor)
		b.published()
		mine, his := p.viewer.Session(1), q.viewer.Session(1)
		good, err := signaling.Encode(answer(mine))
		require.NoError(t, err)
		b.Deliver(toViewer(ownersYard, mine), good)                       // another of her cameras
		b.Deliver(toViewer(neighboursDoor, mine), good)                   // a stranger's
		b.Deliver(toViewer(ownersDoor, p.viewer.Session(2)), good)        // topic and payload differ
		b.Deliver(toViewer(neighboursDoor, his), good)                    // the payload names another's
		b.says(ownersDoor, answer(p.viewer.Session(2)))                   // a session that never began
		b.says(ownersDoor, answer(b.minter.mint(name(owner)).Session(1))) // of nobody
		b.says(ownersDoor, signaling.Message{Type: signaling.TypeOffer, Session: mine, SDP: sdp})
		for _, bad := range []string{"", "{", "[]", `{"v":2}`, string(good[:20]), strings.Repeat("x", signaling.MaxMessage+1)} {
			b.Deliver(toViewer(ownersDoor, mine), []byte(bad))
		}
		require.Empty(t, p.received())
		require.Empty(t, q.received())
		b.Deliver(toViewer(ownersDoor, mine), good)
		require.Equal(t, signaling.TypeAnswer, p.one().Type)
	})
}

// Only what the portal knows travels on; what the browser says about itself does not.
func TestAbuse38_OnlyAllowedFieldsTravel(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.open(login(owner), "")
		session := string(p.viewer.Session(1))
		claims := `"v":1,"session":"` + session + `","camera":"` + ownersDoor + `","seq":99,"viewer":"` + string(b.minter.mint(name(neighbour))) +
			`","user":"neighbour","user_id":2,"from":"neighbour","portal":"p2","topic":"x","presence":{"online":true},"error":{"code":"busy"},` +
			`"ice_servers":[{"urls":["turn:evil"]}],"reason":"revoked","role":"viewer"`
		p.sendRaw(`{"type":"offer","sdp":"x","candidate":{"candidate":"evil"},` + claims + `}`)
		p.sendRaw(`{"type":"candidate","sdp":"evil","candidate":{"candidate":"y"},` + claims + `}`)
		p.sendRaw(`{"type":"bye","sdp":"evil","candidate":{"candidate":"evil"},` + claims + `}`)
		all := b.published()
		require.Len(t, all, 3)
		want := []map[string]any{
			{"type": "offer", "sdp": "x", "role": "owner", "ice_servers": []any{map[string]any{"urls": []any{"turn:ours"}, "username": session, "credential": "c"}}},
			{"type": "candidate", "candidate": map[string]any{"candidate": "y"}},
			{"type": "bye", "reason": signaling.ReasonLeft},
		}
		for i, s := range all {
			require.Greater(t, s.raw["seq"], float64(99))
			delete(s.raw, "seq")
			want[i]["v"], want[i]["session"] = float64(1), session
			require.Equal(t, want[i], s.raw)
			require.Equal(t, "p1", s.topic.Portal)
			require.Equal(t, ownersDoor, s.topic.Camera)
		}
	})
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(*bench, *page)
		want signaling.Code
	}{
		"another's camera": {func(_ *bench, p *page) { p.offer(1, neighboursDoor) }, signaling.CodeNotFound},
		"no such camera":   {func(_ *bench, p *page) { p.offer(1, credential.NewCode()) }, signaling.CodeNotFound},
		"not a camera id":  {func(_ *bench, p *page) { p.offer(1, "+/#") }, signaling.CodeNotFound},
		"an id in another spelling": {func(_ *bench, p *page) {
			p.offer(1, credential.FormatCode(ownersDoor))
		}, signaling.CodeNotFound},
		"no camera": {func(_ *bench, p *page) { p.offer(1, "") }, signaling.CodeNotFound},
		"another's session": {func(b *bench, p *page) {
			p.send(signaling.Message{Type: signaling.TypeOffer, Session: b.minter.mint(name(neighbour)).Session(1), Camera: ownersDoor, SDP: sdp})
		}, signaling.CodeUnauthorised},
		"another page's session": {func(b *bench, p *page) {
			p.send(signaling.Message{Type: signaling.TypeBye, Session: b.minter.mint(name(owner)).Session(1), Camera: ownersDoor})
		}, signaling.CodeUnauthorised},
		"a session with another camera": {func(b *bench, p *page) {
			p.offer(1, ownersDoor)
			b.published()
			p.candidate(1, ownersYard)
		}, signaling.CodeUnauthorised},
		"offline": {func(b *bench, p *page) {
			b.set(func() { b.offline[ownersDoor] = true })
			p.offer(1, ownersDoor)
		}, signaling.CodeOffline},
		"candidate for another's camera": {func(_ *bench, p *page) { p.candidate(1, neighboursDoor) }, signaling.CodeNotFound},
		"the broker is down": {func(b *bench, p *page) {
			b.set(func() { b.refuse = mqttclient.ErrDown })
			p.offer(1, ownersDoor)
		}, signaling.CodeInternal},
		"the broker is slow": {func(b *bench, p *page) {
			b.set(func() { b.refuse = errors.New("a secret of ours") })
			p.offer(1, ownersDoor)
		}, signaling.CodeInternal},
		"answer":  {func(_ *bench, p *page) { p.send(answer(p.viewer.Session(1))) }, signaling.CodeBadMessage},
		"status":  {func(_ *bench, p *page) { p.sendRaw(`{"v":1,"type":"status","camera":"c","presence":{}}`) }, signaling.CodeBadMessage},
		"garbage": {func(_ *bench, p *page) { p.sendRaw("hello") }, signaling.CodeBadMessage},
		"version": {func(_ *bench, p *page) { p.sendRaw(`{"v":2,"type":"offer"}`) }, signaling.CodeVersion},
		"binary": {func(_ *bench, p *page) {
			_ = p.socket.Write(context.Background(), websocket.MessageBinary, []byte("{}"))
		}, signaling.CodeBadMessage},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				p := b.open(login(owner), "")
				tc.do(b, p)
				m := p.one()
				require.Equal(t, signaling.TypeError, m.Type)
				require.Equal(t, tc.want, m.Error.Code)
				require.NotContains(t, m.Error.Message, "secret")
				require.Equal(t, tc.want == signaling.CodeInternal, m.Error.RetryAfter > 0)
				require.Empty(t, b.published())
				b.set(func() { b.refuse, b.offline = nil, map[string]bool{} })
				p.offer(2, ownersDoor)
				require.Len(t, b.published(), 1, "the connection lives")
			})
		})
	}
}

func TestPendingSignUpSeesButDoesNotWatch(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		l := login(owner)
		l.Pending = true
		p := b.open(l, "")
		p.offer(1, ownersDoor)
		require.Equal(t, signaling.CodePending, p.refused())
		require.Empty(t, b.published())
		b.PresenceChanged(ownersDoor)
		require.Equal(t, signaling.TypeStatus, p.one().Type)
	})
}

func TestTooManySessions(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.open(login(owner), "")
		for n := 1; n <= maxSessions; n++ {
			p.offer(n, ownersDoor)
		}
		require.Len(t, b.published(), maxSessions)
		p.offer(maxSessions+1, ownersDoor)
		require.Equal(t, signaling.CodeRateLimited, p.refused())
		p.candidate(maxSessions+1, ownersDoor)
		require.Equal(t, signaling.CodeRateLimited, p.refused())
		p.offer(1, ownersDoor)
		require.Len(t, b.published(), 1, "one that it has goes on")
		p.send(signaling.Message{Type: signaling.TypeBye, Session: p.viewer.Session(1), Camera: ownersDoor})
		p.offer(maxSessions+1, ownersDoor)
		require.Len(t, b.published(), 2)
		require.Empty(t, p.received())
	})
}

func TestAbuse32_FloodIsSlowedNotDeadly(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p, other := b.open(login(owner), ""), b.open(login(neighbour), "")
		const over = 100
		began := time.Now()
		for range messageBurst + over {
			p.candidate(1, ownersDoor)
		}
		// The page is read no faster than the rate, so its own writes wait.
		require.GreaterOrEqual(t, time.Since(began), time.Second)
		refused := p.received()
		require.NotEmpty(t, refused)
		require.LessOrEqual(t, len(refused), over)
		for _, m := range refused {
			require.Equal(t, signaling.CodeRateLimited, m.Error.Code)
			require.Equal(t, 1, m.Error.RetryAfter)
		}
		require.GreaterOrEqual(t, len(b.published()), messageBurst)
		other.offer(1, neighboursDoor)
		require.Len(t, b.published(), 1, "others do not wait")
		time.Sleep(10 * time.Second)
		p.received()
		b.published()
		p.offer(1, ownersDoor)
		require.Len(t, b.published(), 1, "it may go on")
	})
}

func TestSeqRisesThoughTheClockDoesNot(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		at := time.Unix(1_700_000_000, 0)
		b.now = func() time.Time { return at }
		p := b.open(login(owner), "")
		p.offer(1, ownersDoor)
		p.candidate(1, ownersDoor)
		first := b.published()
		at = at.Add(-15 * time.Second) // set back
		p.candidate(1, ownersDoor)
		again := b.open(login(owner), p.viewer) // and passed to another connection
		again.candidate(1, ownersDoor)
		last := uint64(at.Add(15*time.Second).UnixMicro()) - 1
		for _, s := range append(first, b.published()...) {
			require.Equal(t, last+1, s.body.Seq)
			last = s.body.Seq
		}
		at = at.Add(-time.Hour) // set back by more than cameras would forgive
		again.candidate(1, ownersDoor)
		require.EqualValues(t, at.UnixMicro(), b.published()[0].body.Seq)
	})
}
