package source

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPipe(t *testing.T) {
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	p, err := newPipe(reader)
	require.NoError(t, err)
	buffer := make([]byte, 10)

	assert.False(t, p.Wait(time.Millisecond), "nothing comes")
	_, err = p.Read(buffer)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, p.SetReadDeadline(time.Time{}))

	_, err = writer.WriteString("one")
	require.NoError(t, err)
	assert.True(t, p.Wait(time.Hour))
	assert.True(t, p.Wait(0), "it was not read yet")
	require.NoError(t, p.SetReadDeadline(time.Time{}))
	n, err := p.Read(buffer)
	require.NoError(t, err)
	assert.Equal(t, "one", string(buffer[:n]))

	go func() { _, _ = writer.WriteString("two") }()
	assert.True(t, p.Wait(time.Hour))
	n, err = p.Read(buffer)
	require.NoError(t, err)
	assert.Equal(t, "two", string(buffer[:n]))

	require.NoError(t, writer.Close())
	assert.True(t, p.Wait(time.Hour), "the end can be read")
	_, err = p.Read(buffer)
	assert.Equal(t, io.EOF, err)

	require.NoError(t, p.Close())
	assert.True(t, p.Wait(time.Hour))
	_, err = p.Read(buffer)
	assert.ErrorIs(t, err, os.ErrClosed)
}
