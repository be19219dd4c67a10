package web

import (
	"encoding/json"

	"github.com/pion/webrtc/v4"
)

// visited lets the camera's pairing answer on a visit's channel.
func (c *fakeCamera) visited(channel *webrtc.DataChannel) {
	say := func(text string) { _ = channel.SendText(text) }
	channel.OnOpen(func() { c.pairing(say, map[string]any{"type": ""}) })
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		var message map[string]any
		if err := json.Unmarshal(m.Data, &message); err != nil {
			c.t.Errorf("the page said %q", m.Data)
			return
		}
		c.pairing(say, message)
	})
}

// Words of a camera on a visit.
const (
	strangersHello = `{"type":"hello","nonce":"Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M=","paired":false,"only":false}`
	pairedHello    = `{"type":"hello","paired":true,"only":true,"devices":[
		{"id":"a","name":"Chrome on Linux","added":1770000000000,"used":1770000000000,"you":true},
		{"id":"b","name":"The tablet in the kitchen, which is used by everybody","added":1760000000000,"used":1769000000000}]}`
)
