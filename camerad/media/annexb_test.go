package media

import (
	"bytes"
	"slices"
	"testing"

	"seccam/camerad/media/annexb"

	"github.com/stretchr/testify/assert"
)

func TestNALUnits(t *testing.T) {
	for name, c := range map[string]struct {
		stream []byte
		want   [][]byte
	}{
		"empty":              {nil, nil},
		"no start code":      {[]byte{1, 2, 3}, nil},
		"three bytes":        {[]byte{0, 0, 1, 7, 0, 0, 1, 8}, [][]byte{{7}, {8}}},
		"four bytes":         {[]byte{0, 0, 0, 1, 7, 0, 0, 0, 1, 8}, [][]byte{{7}, {8}}},
		"leading rubbish":    {[]byte{9, 9, 0, 0, 1, 7}, [][]byte{{7}}},
		"trailing zeros":     {[]byte{0, 0, 1, 7, 5, 0, 0, 0}, [][]byte{{7, 5}}},
		"empty units":        {[]byte{0, 0, 1, 0, 0, 1, 7}, [][]byte{{7}}},
		"start code at end":  {[]byte{0, 0, 1, 7, 0, 0, 1}, [][]byte{{7}}},
		"zeros in the unit":  {[]byte{0, 0, 1, 7, 0, 0, 3, 1}, [][]byte{{7, 0, 0, 3, 1}}},
		"long run of zeros":  {[]byte{0, 0, 0, 0, 0, 0, 1, 7}, [][]byte{{7}}},
		"single zero before": {[]byte{0, 1, 7}, nil},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, slices.Collect(annexb.NALUnits(c.stream))) })
	}
}

func FuzzNALUnits(f *testing.F) {
	f.Add([]byte{0, 0, 1, 7, 0, 0, 0, 1, 8})
	f.Add([]byte{0, 0, 1})
	f.Fuzz(func(t *testing.T, stream []byte) {
		total := 0
		for nal := range annexb.NALUnits(stream) {
			total += len(nal) + len([]byte{0, 0, 1})
			if len(nal) == 0 || bytes.Contains(nal, []byte{0, 0, 1}) || nal[len(nal)-1] == 0 {
				t.Fatalf("not a NAL unit: % x", nal)
			}
		}
		if total > len(stream) {
			t.Fatalf("%d bytes of units from %d", total, len(stream))
		}
	})
}
