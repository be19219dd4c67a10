package relay

import (
	"crypto/hmac"
	"crypto/sha1" // the TURN REST convention is HMAC-SHA1
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/pion/turn/v5"

	"seccam/pkg/signaling"
)

// End is which end of a session holds a credential.
type End string

// The two ends of a session.
const (
	EndViewer End = "viewer"
	EndCamera End = "camera"
)

// realm is part of what a client hashes (RFC 8489, section 9.2.2). It is short since it is in each answer
// to a request without a credential.
const realm = "seccam"

// maxUsername is what fits into a USERNAME attribute in bytes (RFC 8489, section 14.3).
const maxUsername = 508

// holder is what a credential says of the one who presents it.
type holder struct {
	session string
	account string // a keyed hash: the machines of both ends see it
	end     End
}

// username is the TURN REST form with "session.account.end" as the user.
type username struct {
	holder
	expires int64 // Unix seconds
}

func (u username) String() string {
	return strconv.FormatInt(u.expires, 10) + ":" + u.session + "." + u.account + "." + string(u.end)
}

var errUsername = errors.New("relay: malformed user name")

// parseUsername is the inverse of String. A session may hold dots and colons.
func parseUsername(text string) (username, error) {
	before, who, _ := strings.Cut(text, ":")
	expires, err := strconv.ParseInt(before, 10, 64)
	endAt := strings.LastIndexByte(who, '.')
	if err != nil || endAt < 0 || len(text) > maxUsername {
		return username{}, errUsername
	}
	accountAt := strings.LastIndexByte(who[:endAt], '.')
	if accountAt < 1 {
		return username{}, errUsername
	}
	u := username{holder{who[:accountAt], who[accountAt+1 : endAt], End(who[endAt+1:])}, expires}
	if u.account == "" || u.end != EndViewer && u.end != EndCamera || u.String() != text {
		return username{}, errUsername
	}
	return u, nil
}

// Mint returns a credential for one end of a session, which counts for account. It works at once, here and
// at every portal with the same secret, until [Config.Lifetime] has passed or [Server.End] is called here.
func (s *Server) Mint(session, account string, end End) (name, password string) {
	u := username{holder{session, s.hashAccount(account), end}, s.now().Add(s.cfg.Lifetime).Unix()}
	// A session that goes on after it was ended, since its page came back, must not get a dead credential.
	u.expires = max(u.expires, s.table.endedUntil(session)+1)
	return u.String(), s.password(u.String())
}

// password is that of draft-uberti-behave-turn-rest-00. The key is the secret as its file has it, so that
// a coturn which is given the same text takes the same credentials.
func (s *Server) password(name string) string {
	mac := hmac.New(sha1.New, []byte(s.secret.Hex()))
	mac.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// key is what requests and answers of name are signed with (RFC 8489, section 9.2.2).
func (s *Server) key(name string) []byte {
	return turn.GenerateAuthKey(name, realm, s.password(name))
}

func (s *Server) hashAccount(account string) string {
	mac := hmac.New(sha256.New, s.secret.Bytes())
	mac.Write([]byte("turn account " + account))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// Servers returns the relay's URLs with a fresh credential for one end of a session; see [Server.Mint].
func (s *Server) Servers(session, account string, end End) []signaling.ICEServer {
	var servers []signaling.ICEServer
	var turns []string
	url := func(scheme string, addr net.Addr, transport string) string {
		_, port, _ := net.SplitHostPort(addr.String()) // a bound address has a port
		return scheme + ":" + net.JoinHostPort(s.cfg.Host, port) + transport
	}
	if addr := s.UDPAddr(); addr != nil {
		servers = append(servers, signaling.ICEServer{URLs: []string{url("stun", addr, "")}})
		turns = append(turns, url("turn", addr, "?transport=udp"))
	}
	if addr := s.TCPAddr(); addr != nil {
		turns = append(turns, url("turn", addr, "?transport=tcp"))
	}
	if addr := s.TLSAddr(); addr != nil {
		turns = append(turns, url("turns", addr, "?transport=tcp"))
	}
	name, password := s.Mint(session, account, end)
	return append(servers, signaling.ICEServer{URLs: turns, Username: name, Credential: password})
}
