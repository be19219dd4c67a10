package media

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSenderReports: each second there is one that counts what went either way, but nothing that was sent
// again.
func TestSenderReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := viewerOf(newHub())
		v.UseExpress(&fakeExpress{takes: func(h *rtp.Header) bool { return h.Marker }})
		var reports []*rtcp.SenderReport
		v.ReportTo(func(packets []rtcp.Packet) error {
			reports = append(reports, packets[0].(*rtcp.SenderReport))
			return nil
		})
		v.Video.sendUnit(testUnit(1, true), 1000)
		assert.Empty(t, reports, "it is not bound")
		_, err := v.Video.Bind(fakeContext{codec: H264.Capability(), apt: withRTX, write: func(*rtp.Header, []byte) {}})
		require.NoError(t, err)
		began := time.Now()
		for n := range 31 {
			v.Video.sendUnit(testUnit(n, true), uint32(5000+n*9000))
			v.Video.resend([]uint16{v.Video.sequence - 1}, 0)
			time.Sleep(100 * time.Millisecond)
		}
		require.Len(t, reports, 4)
		size := testUnit(1, true).Size
		for n, r := range reports {
			assert.EqualValues(t, mainSSRC, r.SSRC)
			assert.EqualValues(t, 5000+n*90_000, r.RTPTime)
			assert.EqualValues(t, 2+n*20, r.PacketCount)
			assert.EqualValues(t, size*(1+n*10), r.OctetCount)
			assert.Equal(t, ntpTime(began)+uint64(n)<<32, r.NTPTime)
		}
	})
}

func TestSoundReports(t *testing.T) {
	track := newTrack(webrtc.RTPCodecTypeAudio, webrtc.MimeTypeOpus)
	var got *rtcp.SenderReport
	track.report = func(packets []rtcp.Packet) error {
		got = packets[0].(*rtcp.SenderReport)
		return nil
	}
	_, err := track.Bind(fakeContext{codec: AudioCapability(), write: func(*rtp.Header, []byte) {}})
	require.NoError(t, err)
	track.sendSound(&Sound{Payload: []byte{1, 2, 3}, Time: 960})
	require.NotNil(t, got)
	assert.Equal(t, &rtcp.SenderReport{SSRC: mainSSRC, NTPTime: got.NTPTime, RTPTime: track.base + 960, PacketCount: 1, OctetCount: 3}, got)
}

// A known answer: RFC 5905 figure 4 has 1970 begin with second 2,208,988,800 of the first era.
func TestNTPTime(t *testing.T) {
	assert.EqualValues(t, uint64(0x83aa7e80)<<32, ntpTime(time.Unix(0, 0)))
	assert.EqualValues(t, uint64(0x83aa7e81)<<32|1<<31, ntpTime(time.Unix(1, 500_000_000)))
}
