package mqttclient

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
)

// maxCalls bounds the requests that wait for their replies at the same time.
const maxCalls = 1024

// Errors of [Client.Request], besides those of Publish and of the context.
var (
	// ErrLost means that the connection was lost while the reply was awaited: the request may have
	// been heard.
	ErrLost = errors.New("mqtt: connection lost before the reply came")
	// ErrTooManyCalls means that the request was not sent.
	ErrTooManyCalls = errors.New("mqtt: too many requests wait for their replies")
)

// Request publishes m and returns its reply: the message on m.ResponseTopic with the same Correlation
// Data (MQTT 5, 4.10), which Request chooses. The config's Subscriptions must cover the Response
// Topic; a reply that nobody waits for any more goes to OnMessage. Without a reply it waits until ctx
// ends and returns its error.
func (c *Client) Request(ctx context.Context, m Message) (Message, error) {
	m.Correlation = []byte(rand.Text())
	reply, err := c.calls.open(m)
	if err != nil {
		return Message{}, err
	}
	defer c.calls.close(m)
	if err := c.Publish(ctx, m); err != nil {
		return Message{}, err
	}
	select {
	case answer, ok := <-reply:
		if !ok {
			return Message{}, ErrLost
		}
		return answer, nil
	case <-ctx.Done():
		return Message{}, fmt.Errorf("mqtt request to %s: no reply: %w", m.Topic, ctx.Err())
	}
}

// calls are the requests that wait, by their Correlation Data. Its zero value has none.
type calls struct {
	mu      sync.Mutex
	waiting map[string]call
}

type call struct {
	topic string
	reply chan Message // has room for the one reply; closed if the connection is lost
}

func (c *calls) open(m Message) (<-chan Message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) >= maxCalls {
		return nil, ErrTooManyCalls
	}
	if c.waiting == nil {
		c.waiting = map[string]call{}
	}
	reply := make(chan Message, 1)
	c.waiting[string(m.Correlation)] = call{m.ResponseTopic, reply}
	return reply, nil
}

func (c *calls) close(m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, string(m.Correlation))
}

// answer passes a reply to whoever waits for it and reports whether somebody did. The topic must be
// the one that was asked for: it says who replied.
func (c *calls) answer(m Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting, known := c.waiting[string(m.Correlation)]
	if !known || waiting.topic != m.Topic {
		return false
	}
	delete(c.waiting, string(m.Correlation))
	waiting.reply <- m
	return true
}

// lost ends all of them: a reply is sent once, to the connection that there is.
func (c *calls) lost() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for correlation, waiting := range c.waiting {
		close(waiting.reply)
		delete(c.waiting, correlation)
	}
}
