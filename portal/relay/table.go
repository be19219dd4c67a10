package relay

import (
	"net"
	"net/netip"
	"sync"
)

// maxEnded bounds the sessions that are remembered as ended: some 15 MB. Above it the oldest are forgotten,
// which lets whoever ended them use the rest of their credentials' life.
const maxEnded = 100_000

// limits are the allocations that may exist at a time.
type limits struct{ total, session, account int }

// table knows every relayed address, and which sessions have ended.
type table struct {
	limits limits

	mu        sync.RWMutex
	closed    bool
	pointers  map[net.Addr]*relayed       // by the pointer that pion was given, which no other has
	public    map[netip.AddrPort]*relayed // by the advertised address
	local     map[netip.AddrPort]*relayed // by the address on this machine
	bySession map[string]map[*relayed]struct{}
	accounts  map[string]int
	ended     map[string]int64 // session → credentials that expire up to here, Unix seconds, are dead
	queue     []ending         // of ended, by time
	work      *sync.WaitGroup  // counts relayed addresses that pion has not yet done with
}

type ending struct {
	session string
	until   int64
}

func newTable(l limits, work *sync.WaitGroup) *table {
	return &table{
		limits: l, work: work,
		pointers: map[net.Addr]*relayed{}, public: map[netip.AddrPort]*relayed{}, local: map[netip.AddrPort]*relayed{},
		bySession: map[string]map[*relayed]struct{}{}, accounts: map[string]int{}, ended: map[string]int64{},
	}
}

// room says whether there is room for one more allocation.
func (t *table) room(h holder) refusal {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.roomLocked(h)
}

func (t *table) roomLocked(h holder) refusal {
	switch {
	case len(t.pointers) >= t.limits.total:
		return refusedServer
	case len(t.bySession[h.session]) >= t.limits.session:
		return refusedSession
	case t.accounts[h.account] >= t.limits.account:
		return refusedAccount
	}
	return granted
}

// add registers r, unless it has become too many, or its session has ended, since pion asked.
func (t *table) add(r *relayed) refusal {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || r.user.expires <= t.ended[r.user.session] {
		return refusedEnded
	}
	if why := t.roomLocked(r.user.holder); why != granted {
		return why
	}
	t.work.Add(1)
	t.pointers[r.addr] = r
	t.public[r.public] = r
	t.local[r.local] = r
	t.accounts[r.user.account]++
	if t.bySession[r.user.session] == nil {
		t.bySession[r.user.session] = map[*relayed]struct{}{}
	}
	t.bySession[r.user.session][r] = struct{}{}
	return granted
}

// remove forgets r. Only the first call counts.
func (t *table) remove(r *relayed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pointers[r.addr] != r {
		return
	}
	delete(t.pointers, r.addr)
	delete(t.public, r.public)
	delete(t.local, r.local)
	if t.accounts[r.user.account]--; t.accounts[r.user.account] == 0 {
		delete(t.accounts, r.user.account)
	}
	session := t.bySession[r.user.session]
	if delete(session, r); len(session) == 0 {
		delete(t.bySession, r.user.session)
	}
}

// get returns what pion was given addr for, nil if that has been closed.
func (t *table) get(addr net.Addr) *relayed {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.pointers[addr]
}

func (t *table) atPublic(addr netip.AddrPort) *relayed {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.public[addr]
}

func (t *table) atLocal(addr netip.AddrPort) *relayed {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.local[addr]
}

func (t *table) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.pointers)
}

// end kills a session's credentials that expire up to until, and returns its relayed addresses. What
// expired before now is forgotten.
func (t *table) end(session string, until, now int64) []*relayed {
	t.mu.Lock()
	defer t.mu.Unlock()
	until = max(until, t.ended[session]+1) // what was minted since the last time, see Mint
	t.ended[session] = until
	t.queue = append(t.queue, ending{session, until})
	for t.queue[0].until < now || len(t.queue) > maxEnded {
		if oldest := t.queue[0]; t.ended[oldest.session] == oldest.until {
			delete(t.ended, oldest.session)
		}
		t.queue = t.queue[1:]
	}
	var living []*relayed
	for r := range t.bySession[session] {
		living = append(living, r)
	}
	return living
}

// endedUntil returns up to which expiry, in Unix seconds, the session's credentials are dead.
func (t *table) endedUntil(session string) int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.ended[session]
}

// close refuses all that comes after it, and returns every relayed address.
func (t *table) close() []*relayed {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	all := make([]*relayed, 0, len(t.pointers))
	for _, r := range t.pointers {
		all = append(all, r)
	}
	return all
}
