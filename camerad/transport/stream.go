package transport

import (
	"net/netip"
	"sync"
	"time"
)

// stream collects the packets of one SSRC into pictures: those that pion has sealed ([stream.write]), and
// those that are sealed as they are added ([stream.seal]).
type stream struct {
	registry *registry
	users    int // how often it is registered; guarded by the registry

	mu      sync.Mutex // guards all below
	sealer  *sealer    // nil if nothing is sealed here
	closed  bool
	started bool   // last is valid
	last    uint16 // newest sequence number
	path    path   // of the newest packet
	batch   *batch // what waits; nil if nothing does
	timer   *time.Timer
	armed   bool // the timer runs, or its function does
}

// path is where packets go.
type path struct {
	socket *socket
	to     netip.AddrPort
	// segmented says that the path takes messages that the kernel has to cut.
	segmented bool
}

// write sends the packet p, whose header is h, or keeps a copy for later. The error is that of
// sending now.
func (s *stream) write(k *socket, p []byte, h rtpHeader, to netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := h.sequence - s.last
	if s.closed || s.started && int16(step) <= 0 {
		return k.send(p, to) // a retransmission: the viewer waits for it
	}
	if s.path.socket != k || s.path.to != to {
		_ = s.flush() // counted in Stats, and not p's
		s.shut()
		s.path = path{socket: k, to: to, segmented: k.segments}
	}
	s.fromPion(p)
	if s.started && step != 1 || s.batch != nil && !s.batch.fits(len(p)) {
		_ = s.flush()
	}
	s.last, s.started = h.sequence, true
	if s.batch == nil && (h.marker || len(p) > maxBytes) {
		return k.send(p, to)
	}
	s.keep(p)
	if h.marker || s.batch.full() {
		return s.flush()
	}
	return nil
}

// keep adds a packet that fits.
func (s *stream) keep(p []byte) {
	if s.batch == nil {
		s.batch = s.path.socket.owner.takeBatch()
		s.arm()
	}
	s.batch.add(p)
}

// flush sends what waits.
func (s *stream) flush() error {
	if s.batch == nil {
		return nil
	}
	s.disarm()
	err := s.path.flush(s.batch)
	s.path.socket.owner.putBatch(s.batch)
	s.batch = nil
	return err
}

// close sends what waits; later packets are sent as they come.
func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.flush() // counted in Stats
	s.shut()
	s.closed = true
}

func (s *stream) arm() {
	if s.armed {
		return // its function waits for the lock, and will find this batch
	}
	s.armed = true
	s.registry.timers.Add(1)
	if s.timer == nil {
		s.timer = time.AfterFunc(s.registry.patience, s.expire)
	} else {
		s.timer.Reset(s.registry.patience)
	}
}

func (s *stream) disarm() {
	if s.armed && s.timer.Stop() {
		s.armed = false
		s.registry.timers.Done()
	}
}

// expire is the timer's function.
func (s *stream) expire() {
	defer s.registry.timers.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	_ = s.flush() // counted in Stats
}
