package bridge

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// minter makes and checks viewer ids: half random, half a MAC that binds it to an account or a guest. So any
// portal with the same key, also after a restart, knows whose sessions a page may go on with, and
// nobody else can name them.
type minter struct{ key []byte }

const (
	viewerKeyPurpose = "seccam viewer id v1"
	viewerHalf       = 10 // bytes; 80 bits
)

var viewerEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func newMinter(master credential.Secret) minter {
	return minter{master.Derive(viewerKeyPurpose).Bytes()}
}

func (m minter) mint(who string) signaling.ViewerID {
	random := make([]byte, viewerHalf)
	_, _ = rand.Read(random) // crypto/rand.Read never fails (Go 1.24)
	return m.seal(who, viewerEncoding.EncodeToString(random))
}

func (m minter) seal(who, random string) signaling.ViewerID {
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte(who + "|" + random))
	return signaling.ViewerID(random + viewerEncoding.EncodeToString(mac.Sum(nil)[:viewerHalf]))
}

// owns reports whether the id was minted for this account or guest.
func (m minter) owns(who string, id signaling.ViewerID) bool {
	if !id.Valid() {
		return false
	}
	return hmac.Equal([]byte(id), []byte(m.seal(who, string(id[:signaling.ViewerIDLength/2]))))
}
