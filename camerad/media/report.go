package media

import (
	"time"

	"github.com/pion/rtcp"
)

// reportEvery is how often a sender report goes out while something is sent. RFC 3550 section 6.2 has it
// be five seconds or, for a stream of this size, less.
const reportEvery = time.Second

// ReportTo has the viewer's tracks report on themselves by write, whose errors mean that the connection is
// not up. Call it before [Viewer.Run]. pion's own reports would miss what goes by [Express].
func (v *Viewer) ReportTo(write func([]rtcp.Packet) error) {
	v.Video.report = write
	if v.Audio != nil {
		v.Audio.report = write
	}
}

// reportIfDue says what has been sent up to now, when the packet with the last timestamp was (RFC 3550
// section 6.4.1).
func (t *Track) reportIfDue(now time.Time) {
	if t.report == nil || t.packets == 0 || now.Sub(t.reported) < reportEvery {
		return
	}
	t.reported = now
	_ = t.report([]rtcp.Packet{&rtcp.SenderReport{
		SSRC: t.ssrc.Load(), NTPTime: ntpTime(now), RTPTime: t.last, PacketCount: t.packets, OctetCount: t.octets,
	}})
}

// ntpTime is in units of 2^-32 s since 1900 (RFC 3550 section 4).
func ntpTime(at time.Time) uint64 {
	const seconds1900 = 2_208_988_800 // until 1970
	return uint64(at.Unix()+seconds1900)<<32 | uint64(at.Nanosecond())<<32/uint64(time.Second)
}
