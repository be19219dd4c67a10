package mqttclient

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCallsAreBounded(t *testing.T) {
	var c calls
	m := Message{ResponseTopic: "replies/x"}
	for i := range maxCalls {
		m.Correlation = []byte(strconv.Itoa(i))
		_, err := c.open(m)
		require.NoError(t, err)
	}
	more := m
	more.Correlation = []byte("more")
	_, err := c.open(more)
	require.ErrorIs(t, err, ErrTooManyCalls)
	c.close(m)
	waiting, err := c.open(more)
	require.NoError(t, err, "there is room again")
	c.lost()
	_, open := <-waiting
	require.False(t, open)
	require.Empty(t, c.waiting)
	c.lost()
	require.False(t, c.answer(Message{Topic: "replies/x", Correlation: more.Correlation}))
}
