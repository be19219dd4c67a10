package whep

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"seccam/pkg/signaling"
	"seccam/portal/bridge"
)

// How long a camera may take: for the answer, which includes opening a camera at rest, and then for all of
// its candidates. STUN and TURN servers that do not answer would hold the program up for longer.
const (
	answerTimeout = 8 * time.Second
	gatherTimeout = 2 * time.Second
)

// inboxSize bounds the camera's messages that a request has not looked at yet.
const inboxSize = 64

// Refusals. Their texts are for people.
var (
	ErrNoMatch     = errors.New("say with If-Match which ICE session this belongs to: the ETag of the last answer, or * for an ICE restart")
	ErrStale       = errors.New("this belongs to an earlier ICE session of the view")
	ErrUnsupported = errors.New("other ICE credentials are an ICE restart, which needs If-Match: *")
	ErrRestarting  = errors.New("an ICE restart of this view is under way")
	ErrNoAnswer    = errors.New("the camera did not answer in time")
)

// view is what one POST made.
type view struct {
	program *bridge.Program
	watcher Watcher
	began   time.Time
	gone    bool // guarded by the service's mutex

	mu         sync.Mutex
	offer      description // the last one that the camera answered
	ice        credentials // the program's
	generation int         // counts the ICE sessions
	inbox      chan signaling.Message
}

// etag names the present ICE session of the view.
func (v *view) etag() string { return strconv.Quote(strconv.Itoa(v.generation)) }

// deliver hands a camera's message to the request that waits for it. Without one, it has no way on: WHEP
// knows no messages from the server.
func (v *view) deliver(m signaling.Message) {
	v.mu.Lock()
	inbox := v.inbox
	v.mu.Unlock()
	select {
	case inbox <- m:
	default:
	}
}

// negotiate offers, passes candidates on, and returns the camera's answer and the ETag of what was agreed.
// There is one at a time.
func (v *view) negotiate(ctx context.Context, offer description, candidates []signaling.Candidate) (g gathered, etag string, err error) {
	inbox := make(chan signaling.Message, inboxSize)
	if !v.listen(inbox) {
		return g, "", ErrRestarting
	}
	defer v.listen(nil)
	if err = v.program.Offer(ctx, offer.String()); err == nil {
		err = v.pass(ctx, candidates)
	}
	if err == nil {
		g, err = collect(ctx, inbox)
	}
	if err != nil {
		return g, "", err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.offer, v.ice = offer, offer.credentials()
	v.generation++
	return g, v.etag(), nil
}

// listen has the camera's messages put into inbox, unless somebody listens already; nil ends that.
func (v *view) listen(inbox chan signaling.Message) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if inbox != nil && v.inbox != nil {
		return false
	}
	v.inbox = inbox
	return true
}

// pass sends candidates to the camera.
func (v *view) pass(ctx context.Context, candidates []signaling.Candidate) error {
	for _, c := range candidates {
		if err := v.program.Candidate(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// collect waits for an answer and its candidates.
func collect(ctx context.Context, inbox <-chan signaling.Message) (g gathered, err error) {
	late := time.NewTimer(answerTimeout)
	defer late.Stop()
	for !g.complete {
		select {
		case <-ctx.Done():
			return g, ctx.Err()
		case <-late.C:
			if g.answer == "" {
				return g, ErrNoAnswer
			}
			return g, nil
		case m := <-inbox:
			if err := g.take(m); err != nil {
				return g, err
			}
			if m.Type == signaling.TypeAnswer {
				late.Reset(gatherTimeout)
			}
		}
	}
	return g, nil
}

// take adds a message of the camera. Candidates before the answer are of an earlier ICE session.
func (g *gathered) take(m signaling.Message) error {
	switch {
	case m.Type == signaling.TypeAnswer:
		g.answer = m.SDP
	case m.Type == signaling.TypeCandidate && g.answer != "":
		g.add(*m.Candidate)
	case m.Type == signaling.TypeError:
		return m.Error
	case m.Type == signaling.TypeBye:
		return ended(m.Reason)
	}
	return nil
}

// ended is why a view ended while it was negotiated.
func ended(reason string) error {
	switch reason {
	case signaling.ReasonPrivate:
		return &signaling.Error{Code: signaling.CodePrivate, Message: "Privacy mode is on"}
	case signaling.ReasonUnpaired:
		return &signaling.Error{Code: signaling.CodeUnpaired, Message: "Only devices that are paired with this camera may watch it"}
	case signaling.ReasonRevoked, signaling.ReasonLoggedOut:
		return ErrNotFound
	}
	return &signaling.Error{Code: signaling.CodeOffline, Message: "The view ended before it began"}
}

// patch is [Service.Patch].
func (v *view) patch(ctx context.Context, ifMatch string, f fragment) (restarted, etag string, err error) {
	v.mu.Lock()
	now, offer, restarts := v.etag(), v.offer, f.restarts(v.ice)
	v.mu.Unlock()
	whichever := ifMatch == "*" // with the credentials in use it is no restart: MediaMTX's page sends candidates so
	switch {
	case ifMatch == "":
		return "", "", ErrNoMatch
	case !whichever && !matches(ifMatch, now):
		return "", "", ErrStale
	case !restarts:
		return "", "", v.pass(ctx, f.candidates)
	case !whichever:
		return "", "", ErrUnsupported
	}
	g, etag, err := v.negotiate(ctx, offer.with(f.credentials), f.candidates)
	if err != nil {
		return "", "", err
	}
	return description(lines(g.answer)).fragment(g).String(), etag, nil
}

// matches is If-Match (RFC 9110 section 13.1.1): a list of strong entity tags.
func matches(list, etag string) bool {
	for tag := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(tag) == etag {
			return true
		}
	}
	return false
}
