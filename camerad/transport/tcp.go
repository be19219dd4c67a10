package transport

import (
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"golang.org/x/net/netutil"
)

// Bounds of what anybody can make the camera hold by TCP.
const (
	tcpConnections = 256
	tcpFirstStun   = 5 * time.Second // for the first STUN request on a connection
	tcpUnclaimed   = 10 * time.Second
	// tcpBuffer is how many bytes of one viewer wait for a slow connection; beyond, packets are dropped as
	// a network would drop them. It is about a second of a usual stream.
	tcpBuffer = 256 << 10
)

// listenTCP takes the port that UDP has, or any if it is taken. It is for viewers whose network lets no UDP
// through, so the camera does without if it must: then TCP is nil.
func (t *Transport) listenTCP(port uint16) {
	listener, err := net.Listen("tcp", ":"+strconv.Itoa(int(port)))
	if err != nil {
		listener, err = net.Listen("tcp", ":0")
	}
	if err != nil {
		t.log.Warn("viewers whose network blocks UDP need a relay: no TCP port can be had", "error", err)
		return
	}
	silent := logging.NewDefaultLeveledLoggerForScope("ice", logging.LogLevelDisabled, io.Discard)
	t.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener: patientListener{netutil.LimitListener(listener, tcpConnections)}, Logger: silent,
		ReadBufferSize: 64, WriteBufferSize: tcpBuffer,
		FirstStunBindTimeout: tcpFirstStun, AliveDurationForConnFromStun: tcpUnclaimed,
	})
}

// TCPMux returns what webrtc.SettingEngine.SetICETCPMux takes (RFC 6544); nil if the camera listens on no
// TCP port.
func (t *Transport) TCPMux() ice.TCPMux {
	if t.tcp == nil {
		return nil
	}
	return t.tcp
}

// patientListener waits out errors, such as a lack of files: pion's mux would accept nothing more.
type patientListener struct{ net.Listener }

// Accept implements net.Listener. It fails only once the listener is closed.
func (l patientListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		time.Sleep(readPause)
	}
}
