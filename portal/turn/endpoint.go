package turn

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/pion/stun/v4"

	"seccam/pkg/signaling"
)

// maxURLs bounds what one end of a view is given. For each URL a browser and a camera open a socket on
// each of their networks and wait for its answer, and each relay multiplies the pairs of candidates to
// check; Firefox warns from five on. Eight are our own relay and one service in every way: STUN, and TURN
// over UDP, TCP and TLS.
const maxURLs = 8

// maxCredential bounds a user name with its credential, in bytes as they are sent in JSON: an offer with
// its servers is one message of at most [signaling.MaxMessage].
const maxCredential = 1 << 10

// endpoint is one URL of a server with the server's credential.
type endpoint struct {
	stun.URI             // of which Scheme, Host, Port and Proto are set
	raw                  string
	username, credential string
}

func (e endpoint) isTURN() bool {
	return e.Scheme == stun.SchemeTypeTURN || e.Scheme == stun.SchemeTypeTURNS
}

// urlForm is RFC 7064 section 3.1 and RFC 7065 section 3.1, with the transports that exist.
var urlForm = regexp.MustCompile(
	`^(stuns?|turns?):(\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+)(:[0-9]{1,5})?(\?transport=(udp|tcp))?$`)

var errURL = errors.New("must begin with one of stun:, stuns:, turn:, turns: and name a host;" +
	" a port and, with turn, ?transport=udp or ?transport=tcp may follow")

// parseURL is strict, since one malformed URL makes a browser refuse the whole connection.
func parseURL(raw string) (stun.URI, error) {
	if len(raw) > signaling.MaxText || !urlForm.MatchString(raw) {
		return stun.URI{}, errURL
	}
	uri, err := stun.ParseURI(raw) // with which cameras read them
	if err != nil || uri.Port < 1 || uri.Port > 65535 {
		return stun.URI{}, errURL
	}
	if strings.Contains(uri.Host, ":") {
		if _, err := netip.ParseAddr(uri.Host); err != nil {
			return stun.URI{}, errURL
		}
	}
	uri.Host = strings.ToLower(uri.Host)
	return *uri, nil
}

// endpoints takes servers apart. What is malformed is left out, and the error tells about it by its
// place only: what a service sent does not belong into a log.
func endpoints(servers []signaling.ICEServer) ([]endpoint, error) {
	var good []endpoint
	var errs []error
	for i, server := range servers {
		if len(server.URLs) == 0 {
			errs = append(errs, fmt.Errorf("server %d has no url", i))
		}
		for j, raw := range server.URLs {
			e := endpoint{raw: raw, username: server.Username, credential: server.Credential}
			var err error
			if e.URI, err = parseURL(raw); err == nil {
				err = e.checkCredential()
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("server %d, url %d: %w", i, j, err))
				continue
			}
			good = append(good, e)
		}
	}
	return good, errors.Join(errs...)
}

func (e endpoint) checkCredential() error {
	if e.isTURN() && (e.username == "" || e.credential == "") {
		return errors.New("turn without username and credential")
	}
	if text, err := json.Marshal([]string{e.username, e.credential}); err != nil || len(text) > maxCredential {
		return fmt.Errorf("username and credential of over %d bytes", maxCredential)
	}
	return nil
}

// onePerWay keeps one URL for each way through a firewall: STUN, and TURN over UDP, TCP and TLS. Services
// list each of them at two or three ports, of which the one is kept that networks most often let out.
func onePerWay(all []endpoint) []endpoint {
	type way struct {
		scheme stun.SchemeType
		proto  stun.ProtoType
	}
	var kept []endpoint
	at := map[way]int{}
	for _, e := range all {
		w := way{e.Scheme, e.Proto}
		i, seen := at[w]
		switch {
		case !seen:
			at[w] = len(kept)
			kept = append(kept, e)
		case portRank(e.Port) < portRank(kept[i].Port):
			kept[i] = e
		}
	}
	return kept
}

// portRank is lower for a port that more networks let out: those of the web, then any. Browsers
// themselves refuse port 53, which Cloudflare offers.
func portRank(port int) int {
	switch port {
	case 443:
		return 0
	case 80:
		return 1
	case 53:
		return 3
	}
	return 2
}

// together makes servers of at most maxURLs endpoints, the first ones, each URL once. The list is never
// nil: in JSON it is an empty one.
func together(all []endpoint) []signaling.ICEServer {
	servers := []signaling.ICEServer{}
	seen := map[stun.URI]bool{}
	for _, e := range all {
		if seen[e.URI] || len(seen) == maxURLs {
			continue
		}
		seen[e.URI] = true
		if last := len(servers) - 1; last >= 0 && servers[last].Username == e.username && servers[last].Credential == e.credential {
			servers[last].URLs = append(servers[last].URLs, e.raw)
			continue
		}
		servers = append(servers, signaling.ICEServer{URLs: []string{e.raw}, Username: e.username, Credential: e.credential})
	}
	return servers
}
