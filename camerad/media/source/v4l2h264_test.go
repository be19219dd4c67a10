package source

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	testSets  = []byte{0, 0, 0, 1, 0x67, 66, 224, 31, 0, 0, 0, 1, 0x68, 206}
	testKey   = []byte{0, 0, 0, 1, 0x65, 1, 2, 3}
	testDelta = []byte{0, 0, 1, 0x41, 4, 5}
)

func TestUnits(t *testing.T) {
	d := new(unitDecoder)
	for _, c := range []struct {
		name       string
		data, want []byte
		err        error
	}{
		{"parameter sets with their picture", bytes.Join([][]byte{testSets, testKey}, nil), bytes.Join([][]byte{testSets, testKey}, nil), nil},
		{"a picture", testDelta, testDelta, nil},
		{"parameter sets alone", testSets, nil, errHeaders},
		{"more of them", testSets[:8], nil, errHeaders},
		{"go to the next picture", testKey, bytes.Join([][]byte{testSets, testSets[:8], testKey}, nil), nil},
		{"and only that", testDelta, testDelta, nil},
		{"not Annex B", []byte{0, 0, 0, 5, 0x65, 1, 2, 3, 4}, nil, errNoNAL},
		{"nothing", nil, nil, errNoNAL},
		{"far too much", append(bytes.Clone(testSets), make([]byte, maxHeaders)...), nil, errHeadSize},
		{"is forgotten", testKey, testKey, nil},
	} {
		given := bytes.Clone(c.data)
		f, err := d.decode(given)
		require.ErrorIs(t, err, c.err, c.name)
		for i := range given {
			given[i] = 0xff // the driver writes the next picture
		}
		assert.Equal(t, c.want, f.Unit, c.name)
	}
}

func FuzzUnits(f *testing.F) {
	f.Add(testSets, testKey)
	f.Add(testDelta, []byte{0, 0, 1})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		d := new(unitDecoder)
		one, err := d.decode(first)
		if err == nil {
			assert.Equal(t, first, one.Unit)
		}
		if two, err := d.decode(second); err == nil {
			assert.True(t, bytes.HasSuffix(two.Unit, second))
		}
		assert.LessOrEqual(t, len(d.headers), maxHeaders)
	})
}
