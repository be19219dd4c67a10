package congestion

import (
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func marshal(t testing.TB, fb *rtcp.TransportLayerCC) []byte {
	t.Helper()
	raw, err := fb.Marshal()
	require.NoError(t, err)
	return raw
}

// statuses are those of packets that arrive at ticks of 250 µs after the reference, or not, for -1.
func statuses(base uint16, ticks ...int) (all []Status) {
	var last time.Duration
	for i, n := range ticks {
		if n >= 0 {
			last = time.Duration(n) * deltaUnit
		}
		all = append(all, Status{Sequence: base + uint16(i), Arrived: n >= 0, Timed: n >= 0, At: last})
	}
	return all
}

func readRaw(r *Report) (all []Status) {
	r.Each(func(s Status) { all = append(all, s) })
	return all
}

func small(ticks ...int) (deltas []*rtcp.RecvDelta) {
	for _, n := range ticks {
		deltas = append(deltas, &rtcp.RecvDelta{Type: rtcp.TypeTCCPacketReceivedSmallDelta, Delta: int64(n) * 250})
	}
	return deltas
}

func large(n int) *rtcp.RecvDelta {
	return &rtcp.RecvDelta{Type: rtcp.TypeTCCPacketReceivedLargeDelta, Delta: int64(n) * 250}
}

// header is that of a report of n bytes.
func header(n int, padded bool) rtcp.Header {
	return rtcp.Header{
		Padding: padded, Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: uint16(n/4 - 1),
	}
}

var golden = []struct {
	name string
	fb   rtcp.TransportLayerCC
	raw  string
	want []Status
}{
	{
		name: "run of arrivals",
		fb: rtcp.TransportLayerCC{
			Header: header(28, true), SenderSSRC: 1, MediaSSRC: 2, BaseSequenceNumber: 153, PacketStatusCount: 3, ReferenceTime: 4057090, FbPktCount: 23,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 3}},
			RecvDeltas:   small(148, 0, 4),
		},
		raw:  "afcd00060000000100000002009900033de802172003940004000003",
		want: statuses(153, 148, 148, 152),
	},
	{
		name: "all kinds of chunks, wrapping numbers, a step back in time, padding",
		fb: rtcp.TransportLayerCC{
			Header: header(40, true), SenderSSRC: 0xffffffff, BaseSequenceNumber: 65534, PacketStatusCount: 27, ReferenceTime: 0xffffff, FbPktCount: 255,
			PacketChunks: []rtcp.PacketStatusChunk{
				&rtcp.RunLengthChunk{PacketStatusSymbol: 0, RunLength: 3},
				vector(rtcp.TypeTCCSymbolSizeOneBit, []uint16{1, 0, 0, 1}, 14),
				vector(rtcp.TypeTCCSymbolSizeTwoBit, []uint16{2, 0, 1, 2}, 7),
				&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 3},
			},
			RecvDeltas: append(append(small(200, 100), large(400), small(255)[0], large(-300)), small(1, 2, 3)...),
		},
		raw: "afcd0009ffffffff00000000fffe001bffffffff" + "0003" + "a400" + "e180" + "2003" + "c864" + "0190" + "ff" + "fed4" + "010203" + "0002",
		want: statuses(65534, -1, -1, -1, 200, -1, -1, 300, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
			700, -1, 955, 655, -1, -1, -1, 656, 658, 661),
	},
	{
		name: "chunks longer than the count",
		fb: rtcp.TransportLayerCC{
			Header: header(24, false), BaseSequenceNumber: 7, PacketStatusCount: 2, ReferenceTime: 1,
			PacketChunks: []rtcp.PacketStatusChunk{vector(rtcp.TypeTCCSymbolSizeOneBit, []uint16{1, 1}, 14)},
			RecvDeltas:   small(10, 20),
		},
		raw:  "8fcd000500000000000000000007000200000100b0000a14",
		want: statuses(7, 10, 30),
	},
}

func TestGoldenReports(t *testing.T) {
	for _, c := range golden {
		t.Run(c.name, func(t *testing.T) {
			raw := marshal(t, &c.fb)
			assert.Equal(t, c.raw, hex.EncodeToString(raw))
			r, err := ParseFeedback(raw)
			require.NoError(t, err)
			assert.Equal(t, c.fb.BaseSequenceNumber, r.Base)
			assert.EqualValues(t, c.fb.PacketStatusCount, r.Count)
			assert.Equal(t, c.fb.ReferenceTime, r.Reference)
			assert.Equal(t, c.fb.FbPktCount, r.Number)
			assert.Equal(t, c.want, readRaw(&r))
			var parsed rtcp.TransportLayerCC
			require.NoError(t, parsed.Unmarshal(raw))
			assert.Equal(t, c.want, readParsed(&parsed))
		})
	}
}

// readParsed reads a report that pion has parsed, to compare.
func readParsed(fb *rtcp.TransportLayerCC) (all []Status) {
	each(fb, func(s Status) { all = append(all, s) })
	return all
}

func each(fb *rtcp.TransportLayerCC, visit func(Status)) {
	at, sequence, deltas := time.Duration(0), fb.BaseSequenceNumber, fb.RecvDeltas
	one := func(symbol uint16) bool {
		if deltaLength(symbol) > 0 {
			if len(deltas) == 0 || deltas[0] == nil {
				return false
			}
			at += time.Duration(deltas[0].Delta) * time.Microsecond
			deltas = deltas[1:]
		}
		visit(statusOf(sequence, symbol, at))
		sequence++
		return true
	}
	left := min(int(fb.PacketStatusCount), maxStatuses)
	for _, part := range fb.PacketChunks {
		switch c := part.(type) {
		case *rtcp.RunLengthChunk:
			for range min(left, int(c.RunLength)) {
				if !one(c.PacketStatusSymbol) {
					return
				}
				left--
			}
		case *rtcp.StatusVectorChunk:
			for _, symbol := range c.SymbolList[:min(left, len(c.SymbolList))] {
				if !one(symbol) {
					return
				}
				left--
			}
		}
	}
}

func TestArrivalWithoutTime(t *testing.T) {
	fb := rtcp.TransportLayerCC{
		Header: header(24, false), PacketStatusCount: 2,
		PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 3, RunLength: 2}},
	}
	want := []Status{{Sequence: 0, Arrived: true}, {Sequence: 1, Arrived: true}}
	r, err := ParseFeedback(marshal(t, &fb))
	require.NoError(t, err)
	assert.Equal(t, want, readRaw(&r))
	assert.Equal(t, want, readParsed(&fb))
}

func TestBadReports(t *testing.T) {
	good, err := hex.DecodeString(golden[1].raw)
	require.NoError(t, err)
	change := func(at int, value byte) []byte {
		raw := slices.Clone(good)
		raw[at] = value
		return raw
	}
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"nothing":                 {nil, ErrOtherRTCP},
		"one byte":                {good[:1], ErrOtherRTCP},
		"another version":         {change(0, 0x6f), ErrOtherRTCP},
		"another format":          {change(0, 0xa1), ErrOtherRTCP},
		"another type":            {change(1, 206), ErrOtherRTCP},
		"no header":               {good[:16], ErrMalformed},
		"cut":                     {good[:36], ErrMalformed},
		"more than it says":       {append(slices.Clone(good), 0, 0, 0, 0), ErrMalformed},
		"more packets than it is": {change(15, 200), ErrMalformed},
		"more than is sensible":   {change(14, 0x40), ErrMalformed},
		"all padding":             {change(39, 21), ErrMalformed},
		"deltas cut by padding":   {change(39, 4), ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseFeedback(c.raw)
			assert.ErrorIs(t, err, c.want)
		})
	}
}

func TestCompoundFeedback(t *testing.T) {
	receiver := marshalAny(t, &rtcp.ReceiverReport{SSRC: 1})
	report := marshal(t, encode(10, 1, []time.Duration{time.Second, 0, 1010 * ms}))
	fresh := func() *Estimator {
		e := New(1e6, 1e5, 1e7)
		for n := range uint16(3) {
			e.Sent(10+n, 1000, origin)
		}
		return e
	}
	e := fresh()
	others, err := e.Feedback(slices.Concat(receiver, report, receiver), origin.Add(100*ms))
	require.NoError(t, err)
	assert.False(t, others)
	assert.True(t, e.Estimate().Known)
	assert.Equal(t, 100*ms, e.Estimate().RTT)
	assert.Equal(t, lost, e.sent.get(11).fate())
	assert.Equal(t, arrived, e.sent.get(12).fate())

	e = fresh()
	for _, none := range [][]byte{receiver, nil} {
		_, err = e.Feedback(none, origin)
		require.NoError(t, err)
	}
	others, err = e.Feedback(slices.Concat(receiver, marshalAny(t, &rtcp.PictureLossIndication{MediaSSRC: 1})), origin)
	require.NoError(t, err)
	assert.True(t, others)
	assert.False(t, e.Estimate().Known, "other RTCP is no feedback")
	for _, bad := range [][]byte{report[:3], report[:len(report)-4], receiver[:6], slices.Concat(receiver, report[:8])} {
		_, err = e.Feedback(bad, origin)
		assert.ErrorIs(t, err, ErrMalformed)
	}
	assert.False(t, e.Estimate().Known)

	others, err = fresh().Feedback(slices.Concat(report, report), origin.Add(100*ms))
	require.NoError(t, err)
	assert.False(t, others)
}

func marshalAny(t testing.TB, p rtcp.Packet) []byte {
	t.Helper()
	raw, err := p.Marshal()
	require.NoError(t, err)
	return raw
}

// FuzzParseFeedback compares with pion's parser, and sees that no report can harm an estimator.
func FuzzParseFeedback(f *testing.F) {
	for _, c := range golden {
		raw, err := hex.DecodeString(c.raw)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add(marshal(f, encode(0, 0, make([]time.Duration, 300))))
	f.Add(marshal(f, encode(100, 9, []time.Duration{time.Hour, time.Hour + time.Second, 0, time.Hour, 0, 0, time.Hour + 3*ms})))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e := New(1e6, 1e5, 1e7)
		for n := range uint16(300) {
			e.Sent(65400+n, 1000, origin.Add(time.Duration(n)*ms))
		}
		_, first := e.Feedback(raw, origin.Add(400*ms))
		_, second := e.Feedback(raw, origin.Add(500*ms))
		assert.Equal(t, first, second)
		got := e.Estimate()
		require.True(t, got.Bitrate >= 1e5 && got.Bitrate <= 1e7 && got.Loss >= 0 && got.Loss <= 1 && got.Acked >= 0 && got.Capacity >= 0, "%+v", got)

		r, err := ParseFeedback(raw)
		if err != nil {
			return
		}
		all := readRaw(&r)
		require.Len(t, all, r.Count)
		var parsed rtcp.TransportLayerCC
		if parsed.Unmarshal(raw) == nil {
			require.Equal(t, all, readParsed(&parsed))
		}
	})
}
