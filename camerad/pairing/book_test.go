package pairing

import (
	"encoding/hex"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

const camera = "0123456789abcdefghjk"

func print(name string) string { return credential.FingerprintOf([]byte(name)) }

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func open(folder string, c *clock) *Book {
	return Open(Config{Folder: folder, Camera: camera, Now: c.now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

func newBook(t *testing.T) (*Book, string, *clock) {
	c := &clock{time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)}
	folder := filepath.Join(t.TempDir(), "state")
	return open(folder, c), folder, c
}

// TestProofVector fixes what both ends compute: static/paired.js is tested with the same values.
func TestProofVector(t *testing.T) {
	m := Meeting{
		Camera: camera, Device: print("device"), Own: print("camera"),
		CameraNonce: []byte(strings.Repeat("c", NonceSize)), DeviceNonce: []byte(strings.Repeat("d", NonceSize)),
	}
	code := "abcdefghjkmnpqrstvw0"
	assert.Equal(t, "8414cfea23b14353228a334d0204afc7cacb78ff808e27d0ce829554edfdd684", hex.EncodeToString(Proof(code, EndDevice, m)))
	assert.Equal(t, "2e5357e8652a69904ec653ec874664e265ea3ae1c7eff135d6a015274d75472c", hex.EncodeToString(Proof(code, EndCamera, m)))
	assert.Equal(t, "2pvt1pdcr8d0s9x79p8a", DeviceCode(camera, print("device")))
	proof := Proof(code, EndDevice, m)
	assert.True(t, Proves(code, EndDevice, m, proof))
	assert.False(t, Proves(code, EndCamera, m, proof))
	for name, change := range map[string]func(*Meeting){
		"camera": func(m *Meeting) { m.Camera = "x" }, "device": func(m *Meeting) { m.Device = print("x") },
		"own": func(m *Meeting) { m.Own = print("x") }, "camera's nonce": func(m *Meeting) { m.CameraNonce = []byte("x") },
		"device's nonce": func(m *Meeting) { m.DeviceNonce = nil },
		"moved border":   func(m *Meeting) { m.CameraNonce, m.DeviceNonce = append(m.CameraNonce, 'd'), m.DeviceNonce[1:] },
	} {
		other := m
		change(&other)
		assert.False(t, Proves(code, EndDevice, other, proof), name)
	}
	assert.False(t, Proves(code[1:], EndDevice, m, proof))
	assert.False(t, Proves(code, EndDevice, m, nil))
}

func TestBookIsKept(t *testing.T) {
	b, folder, c := newBook(t)
	assert.True(t, b.Admits("anything"))
	require.ErrorIs(t, b.SetOnly(true), ErrNobody, "nobody could watch, or end it")
	require.NoError(t, b.Pair(print("phone"), "  My   phone "))
	require.NoError(t, b.SetOnly(true))
	for _, b := range []*Book{b, open(folder, c)} {
		assert.True(t, b.Only())
		assert.True(t, b.Admits(print("phone")))
		assert.False(t, b.Admits(print("other")))
		assert.False(t, b.Admits(""))
		require.Len(t, b.Devices(), 1)
		assert.Equal(t, "My phone", b.Devices()[0].Name)
	}
	info, err := os.Stat(filepath.Join(folder, bookFile))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Error(t, b.Remove(b.Devices()[0].ID), "the last one while only paired devices may watch")
	require.NoError(t, b.SetOnly(false))
	require.NoError(t, b.Remove(b.Devices()[0].ID))
	assert.Empty(t, open(folder, c).Devices())
}

// TestDamagedBookIsShut: whatever is unsure, nobody watches; the pairing code and the camera's own command
// line are the ways out.
func TestDamagedBookIsShut(t *testing.T) {
	for _, text := range []string{"", "{", "[]", "null", `{"v":1}`, `{"v":1,"devices":[]}`, `{"v":2,"only":false}`, `{"v":1,"only":"no"}`} {
		b, folder, c := newBook(t)
		require.NoError(t, b.Pair(print("phone"), "Phone"))
		file := filepath.Join(folder, bookFile)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		for _, b := range []*Book{b, open(folder, c)} {
			assert.True(t, b.Only(), text)
			assert.False(t, b.Admits(print("phone")), text)
		}
		require.NoError(t, b.Pair(print("phone"), "Phone"))
		assert.True(t, b.Admits(print("phone")))
		assert.False(t, b.Admits(print("other")), "pairing opens it for the paired one only")
		require.NoError(t, open(folder, c).SetOnly(false))
		assert.True(t, b.Admits(print("other")))
	}
	b, folder, _ := newBook(t)
	require.NoError(t, b.Pair(print("phone"), "Phone"))
	require.NoError(t, os.Remove(filepath.Join(folder, bookFile)))
	require.NoError(t, os.Mkdir(filepath.Join(folder, bookFile), 0o700))
	assert.True(t, b.Only(), "unreadable")
	require.Error(t, b.SetOnly(false))
	assert.True(t, b.Only(), "what cannot be saved does not hold either")
}

// TestTwoProcesses: the daemon and the command line edit one file.
func TestTwoProcesses(t *testing.T) {
	daemon, folder, c := newBook(t)
	command := open(folder, c)
	changed := daemon.Changed()
	require.NoError(t, command.Pair(print("a"), "A"))
	daemon.Look()
	<-changed
	require.NoError(t, daemon.Pair(print("b"), "B"))
	assert.Len(t, command.Devices(), 2, "nothing is lost")
	var working sync.WaitGroup
	for i := range 20 {
		book := []*Book{daemon, command}[i%2]
		working.Go(func() { assert.NoError(t, book.Pair(print(string(rune('c'+i))), "X")) })
	}
	working.Wait()
	assert.Len(t, daemon.Devices(), 22)
	require.NoError(t, daemon.SetOnly(true))
	require.NoError(t, command.SetOnly(false))
	assert.True(t, daemon.Admits("anything"))
	for _, name := range Files() {
		_ = os.Remove(filepath.Join(folder, name))
	}
	assert.Empty(t, daemon.Devices(), "a reset beside a running daemon")
}

func TestInvitations(t *testing.T) {
	b, _, c := newBook(t)
	code := DeviceCode(camera, print("new"))
	redeem := func(name string) bool {
		joined, err := b.Redeem(print(name))
		require.NoError(t, err)
		return joined
	}
	assert.False(t, redeem("new"))
	require.NoError(t, b.Invite(strings.ToUpper(code), "New"))
	assert.False(t, redeem("other"))
	assert.True(t, redeem("new"))
	assert.False(t, redeem("new"), "once")
	require.NoError(t, b.Invite(DeviceCode(camera, print("late")), "Late"))
	c.at = c.at.Add(inviteTime + time.Second)
	assert.False(t, redeem("late"))
	for i := range MaxDevices {
		require.NoError(t, b.Invite(DeviceCode(camera, print(string(rune(i)))), "X"))
	}
	require.ErrorIs(t, b.Invite(code, "One more"), ErrFull)
	c.at = c.at.Add(inviteTime + time.Second)
	require.NoError(t, b.Invite(code, "Old ones are forgotten"))
}

func TestDevices(t *testing.T) {
	b, folder, c := newBook(t)
	require.NoError(t, b.Pair(print("a"), "A"))
	require.NoError(t, b.Pair(print("a"), "A again"))
	require.NoError(t, b.Pair(print("b"), "B"))
	require.ErrorIs(t, b.Renew(print("stranger"), print("x")), ErrUnpaired)
	require.Error(t, b.Renew(print("a"), print("b")), "another device's")
	require.NoError(t, b.Renew(print("a"), print("a2")))
	assert.True(t, b.Admits(print("a")))
	c.at = c.at.Add(2 * time.Hour)
	b.Used(print("a"))
	d, known := b.Device(print("a2"))
	require.True(t, known)
	assert.Equal(t, c.at, d.Used)
	assert.Equal(t, "A again", d.Name)
	b.Used(print("a2"))
	_, known = open(folder, c).Device(print("a"))
	assert.True(t, known, "another tab may use it")
	require.NoError(t, b.Renew(print("a2"), print("a3")))
	_, known = open(folder, c).Device(print("a"))
	assert.False(t, known, "but not after the next one was announced")
	for _, name := range []string{"", " ", strings.Repeat("x", MaxName+1), "a\x00b", "\xff"} {
		require.ErrorIs(t, b.Pair(print("c"), name), ErrName, "%q", name)
	}
	for i := range MaxDevices - 2 {
		require.NoError(t, b.Pair(print("many"+string(rune('a'+i))), "X"))
	}
	require.ErrorIs(t, b.Pair(print("one more"), "X"), ErrFull)
}

func TestCode(t *testing.T) {
	_, folder, _ := newBook(t)
	first, err := LoadCode(folder)
	require.NoError(t, err)
	again, err := LoadCode(folder)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	other, err := NewCode(folder)
	require.NoError(t, err)
	assert.NotEqual(t, first, other)
	file := filepath.Join(folder, codeFile)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, os.Chmod(file, 0o644))
	_, err = LoadCode(folder)
	require.ErrorContains(t, err, "chmod 600")
	require.NoError(t, os.WriteFile(file, []byte("nonsense"), 0o600))
	require.NoError(t, os.Chmod(file, 0o600))
	_, err = LoadCode(folder)
	require.ErrorContains(t, err, "camerad pairing new-code")
}

// FuzzBook: whatever is in the file, it is read without a panic, and what is not understood is shut.
func FuzzBook(f *testing.F) {
	for _, text := range []string{`{"v":1,"only":true,"devices":[{"id":"a","fingerprint":"b"}]}`, `{"v":1,"only":false}`, `{`, `null`, `{"v":1}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, bookFile), data, 0o600))
		c, err := read(folder)
		if err != nil {
			assert.True(t, c.only())
			assert.Empty(t, c.Devices)
		}
		assert.Nil(t, find(c.Devices, ""), "no certificate is nobody's")
	})
}
