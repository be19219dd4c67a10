package broker

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// login is a CONNECT of who; its fields may be changed before it is sent.
type login struct {
	user, client, password string
	version                byte
	keepAlive              uint16
	will                   *packets.Packet
	sessionExpiry          uint32
	willDelay              uint32
	keepSession            bool
}

func loginOf(t testing.TB, who credential.Identity) login {
	return loginFor(t, who, rulesOf(who), time.Now(), time.Hour)
}

func loginFor(t testing.TB, who credential.Identity, rules []credential.Rule, now time.Time, ttl time.Duration) login {
	t.Helper()
	token, _, err := testKeys.Issue(who, rules, 1, now, ttl)
	require.NoError(t, err)
	return login{user: who.Subject(), client: who.Subject(), password: token, version: 5, keepAlive: 30}
}

func (l login) withWill(topic, payload string, retain bool) login {
	l.will = &packets.Packet{
		FixedHeader: packets.FixedHeader{Retain: retain, Qos: 1}, TopicName: topic, Payload: []byte(payload),
	}
	return l
}

func (l login) packet() packets.Packet {
	pk := packets.Packet{
		FixedHeader:     packets.FixedHeader{Type: packets.Connect},
		ProtocolVersion: l.version,
		Connect: packets.ConnectParams{
			ProtocolName: []byte("MQTT"), Clean: !l.keepSession, Keepalive: l.keepAlive, ClientIdentifier: l.client,
			UsernameFlag: true, Username: []byte(l.user), PasswordFlag: true, Password: []byte(l.password),
		},
	}
	if l.sessionExpiry > 0 {
		pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = l.sessionExpiry, true
	}
	if l.will != nil {
		c := &pk.Connect
		c.WillFlag, c.WillTopic, c.WillPayload = true, l.will.TopicName, l.will.Payload
		c.WillRetain, c.WillQos = l.will.FixedHeader.Retain, l.will.FixedHeader.Qos
		c.WillProperties.WillDelayInterval = l.willDelay
	}
	return pk
}

func encode(t testing.TB, pk packets.Packet) []byte {
	t.Helper()
	if pk.ProtocolVersion == 0 {
		pk.ProtocolVersion = 5
	}
	var buf bytes.Buffer
	encoders := map[byte]func(*bytes.Buffer) error{
		packets.Connect: pk.ConnectEncode, packets.Publish: pk.PublishEncode, packets.Subscribe: pk.SubscribeEncode,
		packets.Disconnect: pk.DisconnectEncode, packets.Puback: pk.PubackEncode,
	}
	pk.Mods.AllowResponseInfo = true
	require.NoError(t, encoders[pk.FixedHeader.Type](&buf))
	return buf.Bytes()
}

// wire is a client that sends and receives raw packets.
type wire struct {
	net.Conn
	t       testing.TB
	version byte
	early   []packets.Packet // publications read while something else was awaited
}

func dialTCP(t testing.TB, addr net.Addr) *wire {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr.String(), patience)
	require.NoError(t, err)
	return newWire(t, c)
}

func newWire(t testing.TB, c net.Conn) *wire {
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &wire{Conn: c, t: t, version: 5}
}

func (w *wire) send(data ...byte) { w.t.Helper(); _, err := w.Write(data); require.NoError(w.t, err) }

func (w *wire) sendPacket(pk packets.Packet) {
	w.t.Helper()
	if pk.ProtocolVersion == 0 {
		pk.ProtocolVersion = w.version
	}
	w.send(encode(w.t, pk)...)
}

// next reads one packet, or returns the error that ended the connection.
func (w *wire) next() (packets.Packet, error) {
	var first [1]byte
	if _, err := io.ReadFull(w, first[:]); err != nil {
		return packets.Packet{}, err
	}
	pk := packets.Packet{ProtocolVersion: w.version}
	if err := pk.FixedHeader.Decode(first[0]); err != nil {
		return pk, err
	}
	size, _, err := packets.DecodeLength(oneByte{w})
	if err != nil {
		return pk, err
	}
	pk.FixedHeader.Remaining = size
	body := make([]byte, size)
	if _, err := io.ReadFull(w, body); err != nil {
		return pk, err
	}
	decoders := map[byte]func([]byte) error{
		packets.Connack: pk.ConnackDecode, packets.Publish: pk.PublishDecode, packets.Suback: pk.SubackDecode,
		packets.Puback: pk.PubackDecode, packets.Disconnect: pk.DisconnectDecode,
	}
	if decode := decoders[pk.FixedHeader.Type]; decode != nil {
		err = decode(body)
	}
	return pk, err
}

type oneByte struct{ io.Reader }

func (o oneByte) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(o, b[:])
	return b[0], err
}

// expect reads until a packet of the type arrives.
func (w *wire) expect(kind byte) packets.Packet {
	w.t.Helper()
	if kind == packets.Publish && len(w.early) > 0 {
		pk := w.early[0]
		w.early = w.early[1:]
		return pk
	}
	for {
		pk, err := w.next()
		require.NoError(w.t, err, "while waiting for %s", packets.PacketNames[kind])
		if pk.FixedHeader.Type == kind {
			return pk
		}
		if pk.FixedHeader.Type == packets.Publish {
			w.early = append(w.early, pk)
		}
	}
}

// closed reads until the connection ends and returns the DISCONNECT's reason, 0 if there was none.
func (w *wire) closed() byte {
	w.t.Helper()
	var reason byte
	for {
		pk, err := w.next()
		if err != nil {
			timeout, ok := err.(net.Error)
			require.False(w.t, ok && timeout.Timeout(), "the connection stayed open")
			return reason
		}
		if pk.FixedHeader.Type == packets.Disconnect {
			reason = pk.ReasonCode
		}
	}
}

// ping waits until the broker has handled all that was sent before.
func (w *wire) ping() { w.t.Helper(); w.send(0xc0, 0); w.expect(packets.Pingresp) }

func (w *wire) publish(topic, payload string, qos byte, retain bool) {
	w.t.Helper()
	pk := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos, Retain: retain},
		TopicName:   topic, Payload: []byte(payload),
	}
	if qos > 0 {
		pk.PacketID = 7
	}
	w.sendPacket(pk)
}

// subscribe returns the SUBACK's reasons.
func (w *wire) subscribe(qos byte, filters ...string) []byte {
	w.t.Helper()
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 9}
	for _, filter := range filters {
		pk.Filters = append(pk.Filters, packets.Subscription{Filter: filter, Qos: qos})
	}
	w.sendPacket(pk)
	return w.expect(packets.Suback).ReasonCodes
}

// try connects and returns the CONNACK.
func (f *fixture) try(t testing.TB, l login) (*wire, packets.Packet) {
	t.Helper()
	w := dialTCP(t, f.TCPAddr())
	w.version = l.version
	w.sendPacket(l.packet())
	return w, w.expect(packets.Connack)
}

// connect is try for those who are let in.
func (f *fixture) connect(t testing.TB, l login) *wire {
	t.Helper()
	w, ack := f.try(t, l)
	require.Zero(t, ack.ReasonCode, "CONNACK %s", ack.Properties.ReasonString)
	return w
}

func (f *fixture) connectAs(t testing.TB, who credential.Identity) *wire {
	t.Helper()
	return f.connect(t, loginOf(t, who))
}

// retained waits until the retained payload of a camera's status is want.
func (f *fixture) retained(t testing.TB, camera, want string) {
	t.Helper()
	require.Eventually(t, func() bool { return f.status(camera) == want }, patience, time.Millisecond,
		"retained status %q instead of %q", f.status(camera), want)
}

func (f *fixture) status(camera string) string {
	pk, _ := f.server.Topics.Retained.Get(signaling.StatusTopic(camera))
	return string(pk.Payload)
}

// alone waits until n sessions are left.
func (f *fixture) sessionsAre(t testing.TB, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return f.Stats().Sessions == n }, patience, time.Millisecond)
}

func toCamera(id, portal string) string {
	return signaling.Topic{Kind: signaling.KindToCamera, Camera: id, Portal: portal, Session: viewer}.String()
}

func toViewer(id, portal string) string {
	return signaling.Topic{Kind: signaling.KindToViewer, Camera: id, Portal: portal, Session: viewer}.String()
}

// bare is Mochi as it comes, which allows everything: what the attacks do to it.
type bareHook struct{ mqtt.HookBase }

func (bareHook) ID() string                                              { return "allow-all" }
func (bareHook) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (bareHook) OnACLCheck(*mqtt.Client, string, bool) bool              { return true }
func (bareHook) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}

// bareConn connects a raw client to a bare Mochi; ended is closed when Mochi lets go of it.
func bareConn(t testing.TB, server *mqtt.Server) (w *wire, ended <-chan struct{}) {
	t.Helper()
	client, side := newPipe()
	done := make(chan struct{})
	go func() { defer close(done); _ = server.EstablishConnection("bare", side) }()
	t.Cleanup(func() { _ = client.Close(); <-done })
	return newWire(t, client), done
}

func bareServer(t testing.TB) *mqtt.Server {
	t.Helper()
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, server.AddHook(&bareHook{}, nil))
	return server
}
