package session

import (
	"math"
	"time"

	"seccam/camerad/media"
)

// Statistics are looked at each second, and told if they are news: with a hundred viewers, to tell each of
// them each second took a sixth of what the camera did for them.
const (
	lookEvery = time.Second
	tellEvery = 10 * time.Second // whatever they are
	// A page takes a path on which nothing comes for 1.2 s for lost. So when there are no pictures, statistics
	// are told each second.
	recently = 100 * time.Millisecond
)

// untilReport is how long it is until the next whole second: all sessions look at the same moment, for which
// a thread wakes once.
func untilReport(now time.Time) time.Duration {
	return now.Truncate(lookEvery).Add(lookEvery).Sub(now)
}

// Statistics is what the camera knows of one view (type "stats").
type Statistics struct {
	Quality   media.Quality `json:"quality"`
	Codec     media.Codec   `json:"codec"`
	Width     int           `json:"width"`
	Height    int           `json:"height"`
	FPS       int           `json:"fps"`
	Bitrate   int           `json:"bitrate"`   // bit/s sent to this viewer
	Available int           `json:"available"` // bit/s that its path is thought to carry; 0 if unknown
	Loss      float64       `json:"loss"`      // share of the packets, 0 to 1
	RTT       int           `json:"rtt"`       // milliseconds
	Viewers   int           `json:"viewers"`
}

// differs reports whether somebody who looks at s sees more than the last digits of t move.
func (s Statistics) differs(t Statistics) bool {
	if math.Abs(float64(s.Available-t.Available)) > float64(t.Available)/8 || math.Abs(s.Loss-t.Loss) >= 0.01 {
		return true
	}
	s.Bitrate, s.Available, s.Loss, s.RTT = t.Bitrate, t.Available, t.Loss, t.RTT
	return s != t
}

// meter makes statistics of what a viewer is sent.
type meter struct {
	bytes uint64 // sent until the last reading
	at    time.Time

	told   Statistics
	toldAt time.Time // zero: never
}

// read measures since the last reading.
func (m *meter) read(stats media.ViewerStats, viewers int, now time.Time) Statistics {
	bits := float64(stats.Bytes-m.bytes) * 8 / now.Sub(m.at).Seconds()
	m.bytes, m.at = stats.Bytes, now
	return Statistics{
		Quality: stats.Quality, Codec: stats.Codec, Width: stats.Rate.Width, Height: stats.Rate.Height, FPS: stats.Rate.FPS,
		Bitrate: int(bits), Available: stats.Available, Loss: stats.Loss, RTT: int(stats.RTT.Milliseconds()), Viewers: viewers,
	}
}

// news reports whether s is to be told. sent is when the latest picture was.
func (m *meter) news(s Statistics, sent, now time.Time) bool {
	return now.Sub(sent) > recently || now.Sub(m.toldAt) >= tellEvery || s.differs(m.told)
}
