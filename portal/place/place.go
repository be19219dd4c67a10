// Package place says in words where a network address is, as far as that is known on this machine.
package place

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Book knows where addresses are. Its zero value, and nil, know the special ones only.
type Book struct{ db *maxminddb.Reader }

// Open reads a database in the MaxMind DB format with cities or countries; an empty path is none.
func Open(path string) (*Book, error) {
	if path == "" {
		return &Book{}, nil
	}
	db, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("geoip_file: %w; it must be a database in the MaxMind DB format (.mmdb)", err)
	}
	return &Book{db}, nil
}

// Close releases the database.
func (b *Book) Close() error {
	if b == nil || b.db == nil {
		return nil
	}
	return b.db.Close()
}

// record is what is read of an entry; country databases have no city.
type record struct {
	City    named `maxminddb:"city"`
	Country named `maxminddb:"country"`
}

type named struct {
	Names struct {
		English string `maxminddb:"en"`
	} `maxminddb:"names"`
}

// Of says where an address is: "This network", "Turin, Italy", or "" if it is not known.
func (b *Book) Of(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	switch {
	case ip.IsLoopback():
		return "This machine"
	case ip.IsPrivate(), ip.IsLinkLocalUnicast():
		return "This network"
	case b == nil || b.db == nil:
		return ""
	}
	var found record
	if b.db.Lookup(ip).Decode(&found) != nil {
		return "" // a damaged entry is one that is not known
	}
	parts := []string{found.City.Names.English, found.Country.Names.English}
	return strings.Trim(strings.Join(parts, ", "), ", ")
}
