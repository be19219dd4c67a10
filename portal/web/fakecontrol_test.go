package web

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
)

// partSize is the largest binary message of a picture on the control channel, in bytes.
const partSize = 16 << 10

// fakeControl is the camera's end of every session's control channel.
type fakeControl struct {
	camera   *fakeCamera
	greeting []string // what it says when a channel opens

	mu       sync.Mutex
	answer   func(say func(message string), message map[string]any)
	channels map[*fakeSession]*webrtc.DataChannel
	messages []string
}

// newFakeControl gives a camera a control channel. Without one it is as an older camera: the channel
// opens and nobody speaks.
func newFakeControl(c *fakeCamera, greeting ...string) *fakeControl {
	control := &fakeControl{camera: c, greeting: greeting, channels: map[*fakeSession]*webrtc.DataChannel{}}
	c.control = control
	return control
}

// serve takes a session's channel, once it is open.
func (f *fakeControl) serve(s *fakeSession, channel *webrtc.DataChannel) {
	channel.OnOpen(func() {
		for _, message := range f.greeting {
			_ = channel.SendText(message)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.channels[s] = channel
	})
	channel.OnClose(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.channels, s)
	})
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		message := map[string]any{}
		if json.Unmarshal(m.Data, &message) != nil || !m.IsString {
			message["type"] = "not understood"
		}
		f.mu.Lock()
		f.messages = append(f.messages, string(m.Data))
		answer := f.answer
		f.mu.Unlock()
		if answer != nil {
			answer(func(text string) { _ = channel.SendText(text) }, message)
		}
	})
}

// setAnswer says what the camera does about a message.
func (f *fakeControl) setAnswer(answer func(say func(message string), message map[string]any)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// open waits for the channels of all viewers, which may open after the first frame, and returns them.
func (f *fakeControl) open() []*webrtc.DataChannel {
	f.camera.t.Helper()
	var list []*webrtc.DataChannel
	require.Eventually(f.camera.t, func() bool {
		list = nil
		f.camera.mu.Lock()
		defer f.camera.mu.Unlock()
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, session := range f.camera.sessions {
			if channel := f.channels[session]; channel != nil {
				list = append(list, channel)
			}
		}
		return len(list) > 0 && len(list) == len(f.camera.sessions)
	}, waitDeadline, 5*time.Millisecond, "no control channel")
	return list
}

// say sends a message to every viewer.
func (f *fakeControl) say(messages ...string) {
	f.camera.t.Helper()
	for _, channel := range f.open() {
		for _, message := range messages {
			_ = channel.SendText(message)
		}
	}
}

// photo sends a picture to every viewer, announced as size bytes.
func (f *fakeControl) photo(data []byte, size int, mime string) {
	f.camera.t.Helper()
	announced, err := json.Marshal(map[string]any{"type": "snapshot", "size": size, "mime": mime})
	require.NoError(f.camera.t, err)
	for _, channel := range f.open() {
		_ = channel.SendText(string(announced))
		for part := range slices.Chunk(data, partSize) {
			_ = channel.Send(part)
		}
	}
}

// heard lists the messages of the viewers that contain a text, in order.
func (f *fakeControl) heard(text string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []string
	for _, message := range f.messages {
		if strings.Contains(message, text) {
			list = append(list, message)
		}
	}
	return list
}

// waitToHear waits for n messages that contain a text, and returns them.
func (c *fakeCamera) waitToHear(n int, text string) []string {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return len(c.control.heard(text)) >= n }, waitDeadline, 10*time.Millisecond, "heard no %s", text)
	return c.control.heard(text)
}

// listen counts the packets of a viewer's microphone until the connection ends.
func (c *fakeCamera) listen(track *webrtc.TrackRemote) {
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		c.mu.Lock()
		if track.Codec().MimeType == webrtc.MimeTypeOpus && len(packet.Payload) > 0 {
			c.voice++
		}
		c.mu.Unlock()
	}
}

// voices is how many packets of Opus came from viewers so far.
func (c *fakeCamera) voices() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.voice
}
