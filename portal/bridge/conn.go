package bridge

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"seccam/pkg/signaling"
	"seccam/portal/account"
)

// Limits of one WebSocket.
const (
	queueLength  = 128 // outgoing messages; a page that reads slower is disconnected and reconnects
	maxSessions  = 16  // at once, per viewer
	messageRate  = 50  // per second, incoming
	messageBurst = 200 // an offer brings a few dozen candidates at once
	writeTimeout = 5 * time.Second
	pingInterval = 20 * time.Second
	iceRefresh   = time.Hour // well within turn.CredentialTTL
)

// ending is why a connection is closed: the WebSocket close code, and what the cameras are told.
type ending struct {
	code   websocket.StatusCode
	reason string
	bye    string // reason of the bye to the cameras; "" leaves the sessions alone
}

// Close codes of ours are 4000 + an HTTP status that says nearly the same.
var (
	closeLoggedOut = ending{4401, "signed out", signaling.ReasonLoggedOut}
	closeRevoked   = ending{4403, "the right to watch was revoked", signaling.ReasonRevoked}
	closeReplaced  = ending{4409, "replaced by a newer connection", ""}
	closeSlow      = ending{websocket.StatusPolicyViolation, "reading too slowly", ""}
	closeRestart   = ending{websocket.StatusServiceRestart, "the portal is restarting", ""}
	closeDropped   = ending{websocket.StatusGoingAway, "", ""}
	closeLeft      = ending{websocket.StatusNormalClosure, "", signaling.ReasonLeft}
)

// Login is who a WebSocket belongs to.
type Login struct {
	UserID  int64
	Pending bool   // the sign-up is unfinished: presence only, no views
	Subject string // what a revocation of this login is called
	// Alive reports whether the login still holds.
	Alive func(ctx context.Context) bool
	// Guest names somebody without an account, who watches the one camera to which Access gives access;
	// UserID is of the person whose guest it is. "" is a person with an account.
	Guest  string
	Access func(ctx context.Context) (account.Access, error)
	// Actor is who it is to the camera's owner.
	Actor account.Actor
}

// pass is what the login's views are by. What a person is to each camera, the accounts know.
func (l Login) pass() Pass {
	p := Pass{UserID: l.UserID, Guest: l.Guest, Role: signaling.RoleOwner, Subject: l.Subject, Alive: l.Alive, Actor: l.Actor}
	if l.Guest != "" {
		p.Role = signaling.RoleViewer
		p.Access = func(ctx context.Context, camera string) (account.Access, error) {
			access, err := l.Access(ctx)
			if err == nil && access.Camera.ID != camera {
				err = account.ErrNotFound
			}
			return access, err
		}
	}
	return p
}

// visible returns what lists the cameras that the login's pages show.
func (l Login) visible(h *Hub) func(ctx context.Context) ([]account.Access, error) {
	return func(ctx context.Context) ([]account.Access, error) {
		if l.Guest == "" {
			return h.cfg.Accounts.Visible(ctx, l.UserID)
		}
		access, err := l.Access(ctx)
		return []account.Access{access}, err
	}
}

// conn is the viewer that is a browser's page. Its reader goroutine handles what the page sends; its writer goroutine
// owns the socket's sending side.
type conn struct {
	*viewer
	visible func(ctx context.Context) ([]account.Access, error)
	pending bool // its user's sign-up is unfinished
	socket  *websocket.Conn
	outbox  chan signaling.Message
	wake    chan struct{} // presence of some camera changed
	cancel  context.CancelCauseFunc

	seeing  sync.Mutex
	changed map[string]bool // cameras whose presence is to be sent
	shown   map[string]bool // cameras that this page may show, as far as they are known
}

// endError carries the ending through the context's cause.
type endError struct{ ending }

func (e endError) Error() string { return e.reason }

// Serve upgrades a request whose origin and login were checked, and serves it until it ends. The
// query's "viewer" is the id that the page had before it reconnected.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, login Login) {
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the origin was checked, against the configured public URL, by the caller
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = socket.CloseNow() }()
	socket.SetReadLimit(signaling.MaxMessage)
	// The request's context ends with the handler's connection bookkeeping; ours ends by itself.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	defer cancel(nil)
	c := newConn(h, h.viewerFor(login, signaling.ViewerID(r.URL.Query().Get("viewer"))), login, socket, cancel)
	if !h.add(c.viewer) {
		_ = socket.Close(closeRestart.code, closeRestart.reason)
		return
	}
	defer h.remove(c.viewer)
	c.run(ctx)
}

func newConn(h *Hub, id signaling.ViewerID, login Login, socket *websocket.Conn, cancel context.CancelCauseFunc) *conn {
	c := &conn{
		visible: login.visible(h), pending: login.Pending, socket: socket, cancel: cancel,
		outbox: make(chan signaling.Message, queueLength), wake: make(chan struct{}, 1),
		changed: map[string]bool{}, shown: map[string]bool{},
	}
	c.viewer = newViewer(h, id, login.pass(), c)
	return c
}

// viewerFor continues the page's viewer id if it is this account's, else mints one.
func (h *Hub) viewerFor(login Login, previous signaling.ViewerID) signaling.ViewerID {
	who := login.pass().who()
	if h.minter.owns(who, previous) {
		return previous
	}
	return h.minter.mint(who)
}

// run serves the connection, then tells the cameras if the viewer is gone for good.
func (c *conn) run(ctx context.Context) {
	c.welcome()
	c.showAll(ctx)
	var writer sync.WaitGroup
	writer.Go(func() { c.write(ctx) })
	c.end(c.read(ctx))
	writer.Wait()
	var cause endError
	if errors.As(context.Cause(ctx), &cause) && cause.bye != "" {
		c.byeAll(context.WithoutCancel(ctx), cause.bye)
	}
}

// end closes the connection for a reason; only the first one counts. It implements outlet.
func (c *conn) end(why ending) { c.cancel(endError{why}) }

// read handles the page's messages, one at a time, until the connection ends.
func (c *conn) read(ctx context.Context) ending {
	limit := rate.NewLimiter(messageRate, messageBurst)
	// A context that ends during Read would cut the socket before the writer's close frame.
	reading := context.WithoutCancel(ctx)
	for {
		kind, data, err := c.socket.Read(reading)
		if err != nil {
			return endingOf(err)
		}
		switch {
		case !limit.Allow():
			c.refuse(signaling.Message{}, signaling.Error{
				Code: signaling.CodeRateLimited, Message: "Too many messages; this one was dropped.", RetryAfter: 1,
			})
			if limit.Wait(ctx) != nil {
				return closeDropped
			}
		case kind != websocket.MessageText:
			c.refuse(signaling.Message{}, signaling.Error{
				Code: signaling.CodeBadMessage, Message: "Messages are JSON text, not binary.",
			})
		default:
			c.handle(ctx, data)
		}
	}
}

// endingOf tells a page that left (it said so) from one whose network failed: the latter's sessions
// go on, since its picture may well do so, too.
func endingOf(err error) ending {
	switch websocket.CloseStatus(err) {
	case websocket.StatusNormalClosure, websocket.StatusGoingAway:
		return closeLeft
	}
	return closeDropped
}

// write sends what is queued, presence changes, pings, and fresh ICE servers.
func (c *conn) write(ctx context.Context) {
	ping, ice := time.NewTicker(pingInterval), time.NewTicker(iceRefresh)
	defer ping.Stop()
	defer ice.Stop()
	for {
		var err error
		select {
		case m := <-c.outbox:
			err = c.send(ctx, m)
		case <-c.wake:
			c.sendChanged(ctx)
		case <-ice.C:
			c.welcome()
		case <-ping.C:
			err = c.checkAlive(ctx)
		case <-ctx.Done():
			c.farewell(ctx)
			return
		}
		if err != nil {
			c.end(closeDropped)
		}
	}
}

func (c *conn) send(ctx context.Context, m signaling.Message) error {
	data, err := signaling.Encode(m)
	if err != nil {
		c.hub.cfg.Log.Error("message to the browser not sent", "type", m.Type, "error", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	if err := c.socket.Write(ctx, websocket.MessageText, data); err != nil {
		return err
	}
	if m.Type == signaling.TypeAnswer {
		c.hub.stages.answered(m.Session, true)
	}
	return nil
}

// checkAlive closes a connection whose login ended elsewhere or whose page is gone.
func (c *conn) checkAlive(ctx context.Context) error {
	if !c.pass.Alive(ctx) && ctx.Err() == nil {
		c.end(closeLoggedOut)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return c.socket.Ping(ctx)
}

// farewell sends what is still queued and the close frame that says why. It ends the reader.
func (c *conn) farewell(ctx context.Context) {
	defer func() { _ = c.socket.CloseNow() }()
	var why endError
	if !errors.As(context.Cause(ctx), &why) || why.ending == closeDropped {
		return
	}
	for len(c.outbox) > 0 {
		if c.send(ctx, <-c.outbox) != nil {
			return
		}
	}
	_ = c.socket.Close(why.code, why.reason)
}

// queue hands a message to the writer. It never blocks: a page that does not read is cut off. It
// implements outlet.
func (c *conn) queue(m signaling.Message) {
	select {
	case c.outbox <- m:
	default:
		c.end(closeSlow)
	}
}
