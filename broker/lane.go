package broker

import "runtime"

// lane lets a few through at once. What can come ten thousandfold and is not urgent takes one, such as what
// cameras do when a network returns: Go's scheduler serves in turn, so a view's signalling would else wait
// until all of that was done.
type lane chan struct{}

// newLane is half as wide as the machine, so that the other half is free.
func newLane() lane { return make(lane, max(1, runtime.GOMAXPROCS(0)/2)) }

// enter waits for a place, which leave gives back.
func (l lane) enter() (leave func()) {
	l <- struct{}{}
	return func() { <-l }
}
