package congestion

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
)

// receiver reports arrivals as a browser does.
type receiver struct {
	coming  []arrival
	arrived [4096]arrival // by number, the latest ones
	highest int64
	next    int64 // number that the next report begins with
	count   uint8
}

// arrival is that of the packet of a transport-wide number, which does not wrap here.
type arrival struct {
	number int64
	at     time.Duration
	clock  time.Duration // at the same time on the receiver's clock
}

// report is about all that has arrived by now and was not reported; nil if nothing has.
func (r *receiver) report(now time.Duration) *rtcp.TransportLayerCC {
	base, news := r.next, false
	r.coming = slices.DeleteFunc(r.coming, func(a arrival) bool {
		if a.at > now {
			return false
		}
		r.arrived[a.number%int64(len(r.arrived))] = a
		r.highest, base, news = max(r.highest, a.number), min(base, a.number), true
		return true
	})
	if !news {
		return nil
	}
	var times []time.Duration
	for n := base; n <= r.highest; n++ {
		if a := r.arrived[n%int64(len(r.arrived))]; a.number == n {
			times = append(times, a.clock)
		} else {
			times = append(times, 0)
		}
	}
	r.next = r.highest + 1
	r.count++
	return encode(uint16(base), r.count, times)
}

// encode makes a report of arrival times, of which 0 is a packet that did not arrive.
func encode(base uint16, number uint8, times []time.Duration) *rtcp.TransportLayerCC {
	fb := &rtcp.TransportLayerCC{BaseSequenceNumber: base, PacketStatusCount: uint16(len(times)), FbPktCount: number}
	first := slices.IndexFunc(times, func(t time.Duration) bool { return t != 0 })
	last := times[max(first, 0)] / referenceUnit * referenceUnit
	fb.ReferenceTime = uint32(last/referenceUnit) & 0xffffff
	symbols := make([]uint16, len(times))
	for i, at := range times {
		if at == 0 {
			continue
		}
		ticks := (at - last) / deltaUnit
		if ticks < -1<<15 || ticks >= 1<<15 {
			continue // the clock was set: the report has no words for it
		}
		last += ticks * deltaUnit
		symbols[i] = rtcp.TypeTCCPacketReceivedSmallDelta
		if ticks < 0 || ticks > 255 {
			symbols[i] = rtcp.TypeTCCPacketReceivedLargeDelta
		}
		fb.RecvDeltas = append(fb.RecvDeltas, &rtcp.RecvDelta{Type: symbols[i], Delta: int64(ticks * deltaUnit / time.Microsecond)})
	}
	fb.PacketChunks = encodeChunks(symbols)
	fb.Header = rtcp.Header{
		Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback,
		Padding: fb.MarshalSize() != 20+2*len(fb.PacketChunks)+deltaBytes(symbols), Length: uint16(fb.MarshalSize()/4 - 1),
	}
	return fb
}

func deltaBytes(symbols []uint16) (n int) {
	for _, s := range symbols {
		n += deltaLength(s)
	}
	return n
}

// encodeChunks uses all three kinds.
func encodeChunks(symbols []uint16) (chunks []rtcp.PacketStatusChunk) {
	for len(symbols) > 0 {
		run := 1
		for run < len(symbols) && run < 8191 && symbols[run] == symbols[0] {
			run++
		}
		small := slices.IndexFunc(symbols[:min(14, len(symbols))], func(s uint16) bool { return s > 1 }) < 0
		switch {
		case run > 7:
			chunks = append(chunks, &rtcp.RunLengthChunk{PacketStatusSymbol: symbols[0], RunLength: uint16(run)})
			symbols = symbols[run:]
		case small:
			chunks = append(chunks, vector(rtcp.TypeTCCSymbolSizeOneBit, symbols, 14))
			symbols = symbols[min(14, len(symbols)):]
		default:
			chunks = append(chunks, vector(rtcp.TypeTCCSymbolSizeTwoBit, symbols, 7))
			symbols = symbols[min(7, len(symbols)):]
		}
	}
	return chunks
}

func vector(size uint16, symbols []uint16, n int) *rtcp.StatusVectorChunk {
	list := make([]uint16, n)
	copy(list, symbols)
	return &rtcp.StatusVectorChunk{Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: size, SymbolList: list}
}
