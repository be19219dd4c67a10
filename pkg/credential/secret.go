package credential

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// SecretSize is the size of every key of ours in bytes.
const SecretSize = 32

// Secret is key material. However it is printed or marshalled, it says "[redacted]".
type Secret struct{ bytes [SecretSize]byte }

const redacted = "[redacted]"

// String, GoString, Format, LogValue and MarshalText keep the key out of logs and files.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb reaches the bytes.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Bytes returns a copy of the key.
func (s Secret) Bytes() []byte { return append([]byte(nil), s.bytes[:]...) }

// Hex returns the key as it is written to its file.
func (s Secret) Hex() string { return hex.EncodeToString(s.bytes[:]) }

// NewSecret returns a random key.
func NewSecret() Secret {
	var s Secret
	_, _ = rand.Read(s.bytes[:]) // crypto/rand.Read never fails (Go 1.24)
	return s
}

// ParseSecret reads a key from its 64 hexadecimal digits.
func ParseSecret(text string) (Secret, error) {
	var s Secret
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != SecretSize {
		return Secret{}, fmt.Errorf("a key is %d hexadecimal digits", 2*SecretSize)
	}
	copy(s.bytes[:], raw)
	return s, nil
}

// LoadSecret reads a key file. A file that others can read or write is refused.
func LoadSecret(path string) (Secret, error) {
	text, err := ReadPrivateFile(path)
	if err != nil {
		return Secret{}, err
	}
	s, err := ParseSecret(text)
	if err != nil {
		return Secret{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// LoadOrCreateSecret reads the key file at path, creating it with mode 0600 (and its folder with
// 0700) if it does not exist. Two processes that create it at once get the same key.
func LoadOrCreateSecret(path string) (Secret, error) {
	s, err := LoadSecret(path)
	if !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Secret{}, fmt.Errorf("create key folder: %w", err)
	}
	if err := WriteSecretFile(path, []byte(NewSecret().Hex()+"\n")); err != nil && !errors.Is(err, os.ErrExist) {
		return Secret{}, err
	}
	return LoadSecret(path)
}

// WriteSecretFile writes a new file of mode 0600, complete or not at all. It returns os.ErrExist
// if the file is already there.
func WriteSecretFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return fmt.Errorf("create key: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	if err := os.Link(tmp.Name(), path); err != nil { // unlike rename, fails if path exists
		return fmt.Errorf("create key: %w", err)
	}
	return nil
}

// ReadPrivateFile returns the text of a secret file, unless anyone but its owner can touch it. Below
// systemd's credentials directory the group may read: systemd gives DynamicUser services mode 0440
// there, in a folder that only the service can enter.
func ReadPrivateFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	forbidden := os.FileMode(0o077)
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" && filepath.Dir(path) == filepath.Clean(dir) {
		forbidden = 0o037
	}
	if info.Mode().Perm()&forbidden != 0 {
		return "", fmt.Errorf("%s has mode %04o: others can read it; run: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	return string(data), nil
}
