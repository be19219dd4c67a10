package media

import (
	"runtime"
	"sync"
	"time"
)

// crewShare is how many viewers are worth another goroutine, for which a thread has to be woken.
const crewShare = 16

// crew sends to an engine's viewers. A goroutine for each would be simpler, but all of them would have to be
// woken for each picture, and keep a stack as deep as sending is.
//
// A viewer whose packets might have to wait is given a goroutine nevertheless, so it delays nobody.
type crew struct {
	mu    sync.Mutex
	ready []*Viewer // claimed, each at most once
	taken int       // of ready, from the front
	busy  int       // goroutines that send, without those that are in pause
}

// add has the viewers, who are claimed, served soon. It does not block.
func (c *crew) add(viewers ...*Viewer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range viewers {
		if v.Video.prompt() {
			c.ready = append(c.ready, v)
		} else {
			go v.serve()
		}
	}
	c.muster()
}

// muster starts goroutines for those who are ready.
func (c *crew) muster() {
	left := len(c.ready) - c.taken
	for c.busy < min(runtime.GOMAXPROCS(0), (left+crewShare-1)/crewShare) {
		c.busy++
		go c.work()
	}
}

func (c *crew) work() {
	for v := c.next(); v != nil; v = c.next() {
		v.serve()
	}
}

// next returns nil if nobody is ready; the caller then is not busy any more.
func (c *crew) next() *Viewer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken == len(c.ready) {
		clear(c.ready)
		c.ready, c.taken = c.ready[:0], 0
		c.busy--
		return nil
	}
	c.taken++
	return c.ready[c.taken-1]
}

// pause sleeps, while another goroutine takes over if the caller is one of the crew. If it is not, there is
// one more than need be for this time.
func (c *crew) pause(d time.Duration) {
	c.mu.Lock()
	c.busy--
	c.muster()
	c.mu.Unlock()
	time.Sleep(d)
	c.mu.Lock()
	c.busy++
	c.mu.Unlock()
}

// wake has those served who are claimed. They are of one engine.
func wake(claimed ...*Viewer) {
	if len(claimed) > 0 {
		claimed[0].engine.crew.add(claimed...)
	}
}

// Pause sleeps in a call of [Express.Write]: others are sent to meanwhile.
func (e *Engine) Pause(d time.Duration) { e.crew.pause(d) }
