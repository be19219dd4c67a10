package pairing

import (
	"time"

	"seccam/pkg/credential"
)

// inviteTime is how long a paired device's word about a new one holds.
const inviteTime = 10 * time.Minute

// invite is a paired device's word about the device with a code.
type invite struct {
	name  string
	until time.Time
}

// Invite has the device that shows code paired when it comes, for a while. It is for paired devices to ask.
func (b *Book) Invite(code, name string) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	if code, err = credential.ParseCode(code); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Now()
	for other, i := range b.invites {
		if now.After(i.until) {
			delete(b.invites, other)
		}
	}
	if len(b.invites) >= MaxDevices {
		return ErrFull
	}
	b.invites[code] = invite{name, now.Add(inviteTime)}
	b.turn() // it may be waiting
	return nil
}

// Redeem pairs the device with this certificate if a paired one has asked for it, and reports whether it did.
func (b *Book) Redeem(fingerprint string) (bool, error) {
	code := DeviceCode(b.cfg.Camera, fingerprint)
	b.mu.Lock()
	i, invited := b.invites[code]
	if invited {
		delete(b.invites, code)
	}
	b.mu.Unlock()
	if !invited || b.cfg.Now().After(i.until) {
		return false, nil
	}
	return true, b.Pair(fingerprint, i.name)
}
