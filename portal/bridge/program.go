package bridge

import (
	"context"
	"errors"
	"sync"

	"seccam/pkg/signaling"
	"seccam/portal/turn"
)

// ErrClosed means that the portal is stopping.
var ErrClosed = errors.New("the portal is restarting")

// Program is a viewer without a page: one view of one camera, for a program that asks by single requests.
type Program struct {
	*viewer
	camera  string
	deliver func(signaling.Message)
	once    sync.Once
}

// Join lets a program watch a camera. deliver gets what the camera says, one message at a time, and must
// not block. After a bye, be it the camera's or ours, there is no more, and the program is forgotten.
func (h *Hub) Join(pass Pass, camera string, deliver func(signaling.Message)) (*Program, error) {
	p := &Program{camera: camera, deliver: deliver}
	p.viewer = newViewer(h, h.minter.mint(pass.who()), pass, p)
	if !h.add(p.viewer) {
		return nil, ErrClosed
	}
	return p, nil
}

// Session names the view.
func (p *Program) Session() signaling.SessionID { return p.id.Session(1) }

// Offer begins the view, or restarts ICE in it. A refusal is a *signaling.Error; that of the camera comes
// as a message.
func (p *Program) Offer(ctx context.Context, sdp string) error {
	if err := p.offer(ctx, p.Session(), p.camera, sdp); err != nil {
		return err
	}
	// Whoever ended the right meanwhile may not have found this view.
	if !p.pass.Alive(ctx) {
		p.end(closeRevoked)
		return errNotFound
	}
	return nil
}

// Candidate passes on one of the program's candidates.
func (p *Program) Candidate(ctx context.Context, c signaling.Candidate) error {
	return p.forward(ctx, p.Session(), p.camera, signaling.Message{Type: signaling.TypeCandidate, Candidate: &c})
}

// Leave ends the view at the camera.
func (p *Program) Leave() { p.end(closeLeft) }

// queue implements outlet.
func (p *Program) queue(m signaling.Message) {
	p.deliver(m)
	if m.Type == signaling.TypeAnswer {
		p.hub.stages.answered(m.Session, false)
	}
	if m.Type == signaling.TypeBye {
		p.gone()
	}
}

// end implements outlet.
func (p *Program) end(why ending) {
	if why.bye != "" {
		p.byeAll(context.Background(), why.bye)
	}
	p.queue(signaling.Message{Type: signaling.TypeBye, Session: p.Session(), Camera: p.camera, Reason: why.bye})
}

func (p *Program) gone() {
	p.once.Do(func() {
		p.hub.remove(p.viewer)
		p.hub.cfg.Ended(string(p.id))
	})
}

// presenceChanged implements outlet: a program has no use for it.
func (p *Program) presenceChanged(string) {}

// Servers returns ICE servers for the program's own end. Their credentials die with the view.
func (p *Program) Servers() []signaling.ICEServer { return p.servers(string(p.id), turn.Viewer) }

// Servers returns ICE servers for a program that wants them before it joins. Their credentials die of age.
func (h *Hub) Servers(pass Pass) []signaling.ICEServer {
	id := h.minter.mint(pass.who())
	return newViewer(h, id, pass, nil).servers(string(id), turn.Viewer)
}
