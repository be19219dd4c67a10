package bridge

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
	"seccam/pkg/tracing"
)

// traces keeps what it is told, as "1 portal/offer 0s+0s (allow 0s+0s, publish 0s+0s) refused": the session's number,
// service and name, when it began and how long it lasted, its parts, and its code.
type traces struct {
	mu   sync.Mutex
	told []string
}

func (r *traces) View(session string, s tracing.Stage) {
	r.tell(session[len(session)-1:]+" whole "+stageText(s), s)
}

func (r *traces) Stage(session string, s tracing.Stage) {
	r.tell(session[len(session)-1:]+" "+stageText(s), s)
}

func (r *traces) tell(text string, s tracing.Stage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.Details["camera"] != "" {
		text += " of a camera"
	}
	r.told = append(r.told, text)
}

// told returns what was told since the last call, once everything has settled.
func (b *bench) told() []string {
	synctest.Wait()
	b.traces.mu.Lock()
	defer b.traces.mu.Unlock()
	told := b.traces.told
	b.traces.told = nil
	return told
}

// bubbleBegan is what every bubble's clock begins with.
var bubbleBegan = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func stageText(s tracing.Stage) string {
	text := fmt.Sprintf("%s %v+%v", s.Name, s.Began.Sub(bubbleBegan), s.Ended.Sub(s.Began))
	if s.Service != "" {
		text = string(s.Service)[len("seccam-"):] + "/" + text
	}
	for _, part := range s.Parts {
		text += " (" + stageText(part) + ")"
	}
	if s.Refused != "" {
		text += " " + s.Refused
	}
	return text
}

const offerTold = "1 portal/offer 0s+0s (allow 0s+0s) (publish 0s+0s)"

func TestStagesOfAPage(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.open(login(owner), "")
		session := p.viewer.Session(1)
		p.offer(1, ownersDoor)
		require.Equal(t, []string{offerTold}, b.told())
		time.Sleep(20 * time.Millisecond)
		b.says(ownersDoor, answer(session))
		require.Equal(t, []string{"1 portal/answer 0s+20ms"}, b.told())
		measured := signaling.Message{Type: signaling.TypeStages, Session: session, Camera: ownersDoor,
			Stages: &signaling.StageTimes{Offer: 5, Answer: 30, Connected: 50, Frame: 90}}
		stranger := b.open(login(neighbour), "")
		stranger.send(measured)
		require.Equal(t, signaling.CodeUnauthorised, stranger.one().Error.Code)
		require.Empty(t, b.told(), "nobody tells of another's view")
		for range 2 { // once is enough
			p.send(measured)
		}
		require.Equal(t, []string{
			"1 whole browser/view -5ms+90ms (prepare -5ms+5ms) (answer 0s+25ms) (connect 25ms+20ms) (picture 45ms+40ms) of a camera",
		}, b.told())
		time.Sleep(time.Second)
		p.offer(1, ownersDoor) // an ICE restart
		b.published()
		b.says(ownersDoor, answer(session))
		require.Equal(t, []string{"1 portal/offer 1.02s+0s (allow 1.02s+0s) (publish 1.02s+0s)", "1 portal/answer 1.02s+0s"}, b.told())
		p.send(signaling.Message{Type: signaling.TypeBye, Session: session, Camera: ownersDoor})
		require.Empty(t, b.told(), "the view was told of already")
		require.Empty(t, b.stages.open)
	})
}

// A view that never comes to a picture is told of, too, with the reason.
func TestStagesOfAViewThatFails(t *testing.T) {
	for name, tc := range map[string]struct {
		fail func(b *bench, p *page)
		want []string
	}{
		"the page never tells of a frame": {
			func(*bench, *page) { time.Sleep(time.Hour) }, []string{"1 whole portal/view 0s+1m0s no_frame of a camera"},
		},
		"the viewer leaves": {
			func(_ *bench, p *page) {
				p.send(signaling.Message{Type: signaling.TypeBye, Session: p.viewer.Session(1), Camera: ownersDoor})
			}, []string{"1 whole portal/view 0s+0s of a camera"},
		},
		"the camera is busy": {
			func(b *bench, p *page) {
				refusal := signaling.Error{Code: signaling.CodeBusy, Message: "Busy."}
				b.says(ownersDoor, signaling.Message{Type: signaling.TypeError, Session: p.viewer.Session(1), Error: &refusal})
			}, []string{"1 whole portal/view 0s+0s busy of a camera"},
		},
		"the portal ends": {
			func(b *bench, _ *page) { b.Close() }, []string{"1 whole portal/view 0s+0s of a camera"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				p := b.open(login(owner), "")
				p.offer(1, ownersDoor)
				require.Equal(t, []string{offerTold}, b.told())
				tc.fail(b, p)
				require.Equal(t, tc.want, b.told())
				require.Empty(t, b.stages.open)
			})
		})
	}
}

func TestStagesOfARefusedOffer(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.open(login(owner), "")
		p.offer(1, "nothing that is a camera's name")
		require.Equal(t, []string{"1 portal/offer 0s+0s not_found", "1 whole portal/view 0s+0s not_found"}, b.told(), "and the name is not told")
		p.send(signaling.Message{Type: signaling.TypeOffer, Session: b.minter.mint("2").Session(1), Camera: ownersDoor, SDP: sdp})
		require.Empty(t, b.told(), "a session that is not the page's may be of another's trace")
	})
}

func TestStagesOff(t *testing.T) {
	s := newStages(nil, time.Now)
	require.False(t, s.on())
	b := s.received("a session", false)
	require.Nil(t, b)
	b.allow(ownersDoor)
	b.passedOn(nil)
	s.answered("a session", true)
	s.measured("a session", signaling.StageTimes{})
	s.ended("a session", "")
}

func TestStagesOfAProgram(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		g := b.join(pass(owner, "view-1"), ownersDoor)
		require.NoError(t, g.Offer(t.Context(), sdp))
		b.says(ownersDoor, answer(g.Session()))
		require.Equal(t, []string{offerTold, "1 portal/answer 0s+0s", "1 whole portal/view 0s+0s of a camera"}, b.told())
		require.Empty(t, b.stages.open)
	})
}
