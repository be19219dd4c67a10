package media

import "context"

// Run has it sent to until ctx ends. Once it has returned, nothing is.
func (v *Viewer) Run(ctx context.Context) {
	v.release()
	<-ctx.Done()
	v.ended.Store(true)
	v.wake()
	<-v.gone
}

// claim reports whether the caller is to have the viewer served.
func (v *Viewer) claim() bool { return v.claimed.CompareAndSwap(false, true) }

// release ends a claim, unless something came that it did not see.
func (v *Viewer) release() {
	v.claimed.Store(false)
	if v.waits() {
		v.wake()
	}
}

// wake has the viewer served soon, if it is not going to be anyway.
func (v *Viewer) wake() {
	if v.claim() {
		wake(v)
	}
}

// ask has served what waits beside pictures and sound.
func (v *Viewer) ask() {
	v.asked.Store(true)
	v.wake()
}

// waits reports whether there is something to do.
func (v *Viewer) waits() bool { return v.ended.Load() || v.asked.Load() || len(v.queue) > 0 }

// serve does what there is to do, by who has claimed the viewer.
func (v *Viewer) serve() {
	for !v.ended.Load() {
		if !v.step() {
			v.release()
			return
		}
	}
	v.leave()
	close(v.gone)
}

// step does one thing, and reports whether there was one.
func (v *Viewer) step() bool {
	if v.asked.Swap(false) {
		v.answer()
	}
	select {
	case it := <-v.queue:
		v.send(it)
		return true
	default:
		return v.asked.Load()
	}
}

// answer does what was asked for, but no more at once than can wait: pictures do, meanwhile.
func (v *Viewer) answer() {
	for range cap(v.live) + cap(v.steer) + cap(v.nacks) {
		select {
		case live := <-v.live:
			v.leave()
			if live {
				v.join()
			}
		case <-v.steer:
			v.turn()
		case sequence := <-v.nacks:
			v.Video.resend(sequence, v.path.Estimate().RTT)
		default:
			return
		}
	}
	v.asked.Store(true) // there may be more
}
