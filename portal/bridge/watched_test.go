package bridge

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
	"seccam/portal/account"
)

func (b *bench) watchedViews() []account.View {
	b.mu.Lock()
	defer b.mu.Unlock()
	views := b.views
	b.views = nil
	return views
}

// A view is told of when the camera answers, once, and when it ends, however it does.
func TestViewsAreToldOf(t *testing.T) {
	for name, end := range map[string]func(b *bench, p *page, session signaling.SessionID){
		"the page says bye": func(_ *bench, p *page, session signaling.SessionID) {
			p.send(signaling.Message{Type: signaling.TypeBye, Session: session, Camera: ownersDoor})
		},
		"the camera says bye": func(b *bench, _ *page, session signaling.SessionID) {
			b.says(ownersDoor, signaling.Message{Type: signaling.TypeBye, Session: session, Reason: signaling.ReasonFailed})
		},
		"the camera says bye when the page is gone": func(b *bench, p *page, session signaling.SessionID) {
			_ = p.socket.CloseNow()
			b.published()
			b.says(ownersDoor, signaling.Message{Type: signaling.TypeBye, Session: session, Reason: signaling.ReasonFailed})
		},
		"the login ends": func(b *bench, _ *page, _ signaling.SessionID) { b.EndLogin(login(owner).Subject) },
		"its grant ends": func(b *bench, _ *page, _ signaling.SessionID) { b.CutCamera(ownersDoor) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				who := login(owner)
				who.Actor = account.Actor{Kind: account.ActorPerson, Name: "owner"}
				p := b.open(who, "")
				session := p.viewer.Session(1)
				p.offer(1, ownersDoor)
				b.published()
				require.Empty(t, b.watchedViews(), "it is no view before the camera answers")
				for range 2 { // the second is an ICE restart's
					b.says(ownersDoor, answer(session))
				}
				b.says(ownersYard, signaling.Message{Type: signaling.TypeBye, Session: session, Reason: signaling.ReasonFailed})
				require.Equal(t, []account.View{{Camera: ownersDoor, Session: string(session), Actor: who.Actor}}, b.watchedViews())
				time.Sleep(time.Minute)
				end(b, p, session)
				b.published()
				require.Equal(t, []account.View{{Camera: ownersDoor, Session: string(session), Actor: who.Actor, Ended: true, Lasted: time.Minute}}, b.watchedViews())
				b.EndGrant(context.Background(), ownersDoor, "x")
				require.Empty(t, b.watchedViews())
			})
		})
	}
}
