package broker

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// attach is the life of an MQTT client, in place of Mochi's own: it takes takeovers, Wills and
// panics out of Mochi's hands. This goroutine only waits for packets; what handles them needs a
// deep stack, which ten thousand idle cameras would keep, and runs on a worker.
func (b *Broker) attach(listener string, c *conn) {
	cl := b.server.NewClient(c, listener, "", false)
	b.work.Go(func() {
		if b.guarded(func() error { cl.WriteLoop(); return nil }) != nil {
			_ = c.Close()
		}
	})
	defer cl.Stop(nil)
	done := make(chan error, 1)
	err := b.onWorker(done, func() error { return b.connect(cl, listener) })
	if err == nil {
		err = b.read(cl, c, done)
	}
	if s := c.session.Load(); s != nil {
		cl.Stop(err)
		leave := b.funerals.enter() // when a network fails, ten thousand come at once
		_ = b.onWorker(done, func() error { b.bury(s, err); return nil })
		leave()
		close(s.done)
	}
	b.log.Debug("broker: connection ended", "remote", cl.Net.Remote, "listener", listener, "client", printable(cl.ID), "cause", err)
}

// connect reads the CONNECT and answers it.
func (b *Broker) connect(cl *mqtt.Client, listener string) error {
	var header packets.FixedHeader
	if err := cl.ReadFixedHeader(&header); err != nil {
		return err
	}
	pk, err := cl.ReadPacket(&header) // conn lets nothing but a CONNECT be first
	if err != nil {
		return err
	}
	cl.ParseConnect(listener, pk)
	if code := b.admit(cl, pk); code != packets.CodeSuccess {
		b.refuse(cl, code)
		return code
	}
	b.server.Clients.Add(cl) // [MQTT-4.1.0-1]
	if err := b.server.SendConnack(cl, packets.CodeSuccess, false, nil); err != nil {
		return fmt.Errorf("CONNACK: %w", err)
	}
	sessionOf(cl).established()
	b.log.Debug("broker: connected", "client", cl.ID, "remote", cl.Net.Remote)
	return nil
}

// read handles packets in order until the client says goodbye (nil) or the connection is lost.
func (b *Broker) read(cl *mqtt.Client, c *conn, done chan error) error {
	var header packets.FixedHeader
	handle := func() error { return b.handle(cl, &header) }
	patience := time.Duration(cl.State.Keepalive) * time.Second * 3 / 2 // [MQTT-3.1.2-22]
	for !cl.Closed() {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		header = packets.FixedHeader{}
		if err := cl.ReadFixedHeader(&header); err != nil {
			return err
		}
		if err := b.onWorker(done, handle); err != nil {
			return err
		}
	}
	return nil
}

// handle reads the rest of a packet and lets Mochi process it.
func (b *Broker) handle(cl *mqtt.Client, header *packets.FixedHeader) error {
	pk, err := cl.ReadPacket(header)
	if err != nil {
		return err
	}
	err = b.server.InjectPacket(cl, pk)
	var code packets.Code
	if errors.As(err, &code) && code.Code >= packets.ErrUnspecifiedError.Code {
		sessionOf(cl).cut(code)
	}
	return err
}

// bury removes what is left of a session and, unless it said goodbye, publishes its Will. The next
// connection in its slot waits for the end of this.
func (b *Broker) bury(s *session, cause error) {
	defer b.sessions.remove(s)
	cl := s.client
	if known, ok := b.server.Clients.Get(cl.ID); !ok || known != cl {
		return // it never was let in
	}
	b.server.UnsubscribeClient(cl)
	cl.ClearInflights()
	b.server.Clients.Delete(cl.ID)
	if cause != nil {
		// A second CONNECT is a protocol error, to which Mochi answers with the Will: the one public
		// way to send it.
		_ = b.server.InjectPacket(cl, packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}})
	}
}

// maxIdleWorkers is how many workers, with the stacks they have grown, wait for more to do.
const maxIdleWorkers = 64

type job struct {
	do   func() error
	done chan<- error
}

// onWorker runs do on another goroutine and returns its error. A panic in it (issue 501 of Mochi:
// seven bytes of SUBSCRIBE) is an error too, which ends one connection only.
func (b *Broker) onWorker(done chan error, do func() error) error {
	j := job{do, done}
	select {
	case b.jobs <- j:
	default: // no worker is idle
		b.work.Go(func() { b.worker(j) })
	}
	return <-done
}

func (b *Broker) worker(j job) {
	for {
		j.done <- b.guarded(j.do)
		if b.idle.Add(1) > maxIdleWorkers {
			b.idle.Add(-1)
			return
		}
		select {
		case j = <-b.jobs:
			b.idle.Add(-1)
		case <-b.life.Done():
			b.idle.Add(-1)
			return
		}
	}
}

func (b *Broker) guarded(do func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			b.stats.panics.Add(1)
			b.log.Error("broker: a client made Mochi panic; its connection is closed",
				"panic", fault, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	return do()
}
