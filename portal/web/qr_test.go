package web

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shot is how a code is seen: turned by an angle in degrees, from the side, in bad light.
type shot struct {
	module      float64 // dots of one module
	angle       float64
	slant       float64 // how much smaller the far edge is, 0 to 0.5
	shade       float64 // how much darker one side is, 0 to 1
	noise       int     // of each dot's lightness, at most
	blur        int     // dots
	dirt        int     // modules' worth of black spots, away from the corners
	dark, light uint8
}

var plainShot = shot{module: 4, light: 255}

// photograph draws a code as a camera sees it.
func photograph(code barcode.Barcode, s shot, random *rand.Rand) *image.Gray {
	n := float64(code.Bounds().Dx())
	side := int(n*s.module*1.5) + 60
	picture := image.NewGray(image.Rect(0, 0, side, side))
	sin, cos := math.Sincos(s.angle * math.Pi / 180)
	middle := float64(side) / 2
	spots := map[image.Point]bool{}
	for len(spots) < s.dirt {
		spots[image.Pt(9+random.IntN(int(n)-18), 9+random.IntN(int(n)-18))] = true
	}
	for y := range side {
		for x := range side {
			// Where this dot is on the paper: turned back, and as if seen from the side.
			dx, dy := float64(x)+0.5-middle, float64(y)+0.5-middle
			u, v := (dx*cos+dy*sin)/s.module, (-dx*sin+dy*cos)/s.module
			depth := 1 + s.slant*v/n
			u, v = u*depth+n/2, v*depth+n/2
			value := float64(s.light)
			if u >= 0 && v >= 0 && u < n && v < n {
				at := image.Pt(int(u), int(v))
				if spots[at] || code.At(at.X, at.Y) == color.Black {
					value = float64(s.dark)
				}
			}
			value *= 1 - s.shade*float64(x)/float64(side)
			picture.SetGray(x, y, color.Gray{Y: uint8(max(0, min(255, value)))})
		}
	}
	return noisy(blurred(picture, s.blur), s.noise, random)
}

func blurred(from *image.Gray, reach int) *image.Gray {
	if reach == 0 {
		return from
	}
	to := image.NewGray(from.Rect)
	for y := range from.Rect.Dy() {
		for x := range from.Rect.Dx() {
			sum, count := 0, 0
			for dy := -reach; dy <= reach; dy++ {
				for dx := -reach; dx <= reach; dx++ {
					if p := image.Pt(x+dx, y+dy); p.In(from.Rect) {
						sum, count = sum+int(from.GrayAt(p.X, p.Y).Y), count+1
					}
				}
			}
			to.SetGray(x, y, color.Gray{Y: uint8(sum / count)})
		}
	}
	return to
}

func noisy(picture *image.Gray, most int, random *rand.Rand) *image.Gray {
	for i := range picture.Pix {
		if most > 0 {
			picture.Pix[i] = uint8(max(0, min(255, int(picture.Pix[i])+random.IntN(2*most+1)-most)))
		}
	}
	return picture
}

// readsAs lets the page read pictures and returns what it made of each; "" is nothing.
func readsAs(g *page, pictures ...image.Image) []string {
	g.t.Helper()
	texts := make([]string, len(pictures))
	for i, picture := range pictures {
		var b bytes.Buffer
		require.NoError(g.t, png.Encode(&b, picture))
		texts[i] = readAs(g, "data:image/png;base64,"+base64.StdEncoding.EncodeToString(b.Bytes()))
	}
	return texts
}

// readAs lets the page read one picture, named by its address.
func readAs(g *page, address string) string {
	g.t.Helper()
	return module[string](g, "qr.js", fmt.Sprintf(`(async () => {
		const image = new Image();
		image.src = %s;
		await image.decode();
		const canvas = document.createElement('canvas');
		[canvas.width, canvas.height] = [image.width, image.height];
		const paint = canvas.getContext('2d');
		paint.drawImage(image, 0, 0);
		return m.readQR(paint.getImageData(0, 0, canvas.width, canvas.height)) ?? '';
	})()`, quoted(g.t, address)))
}

// versionOf is a code's version.
func versionOf(code barcode.Barcode) int { return (code.Bounds().Dx() - 17) / 4 }

// byteCapacities are how many bytes versions 1 to 15 hold (ISO/IEC 18004, table 7).
var byteCapacities = map[qr.ErrorCorrectionLevel][]int{
	qr.L: {17, 32, 53, 78, 106, 134, 154, 192, 230, 271, 321, 367, 425, 458, 520},
	qr.H: {7, 14, 24, 34, 44, 58, 64, 84, 98, 119, 137, 155, 177, 194, 220},
}

// TestQRVersions reads every version from 1 to 15 as another library writes them, at the least and the most correction.
func TestQRVersions(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	random := rand.New(rand.NewPCG(1, 2))
	for level, capacities := range byteCapacities {
		var texts []string
		var pictures []image.Image
		for i, length := range capacities {
			text := strings.ToValidUTF8(strings.Repeat("https://cameras.example.org/claim#id=ü&x=", 20)[:length], "?")
			code, err := qr.Encode(text, level, qr.Unicode)
			require.NoError(t, err)
			require.Equal(t, i+1, versionOf(code))
			texts, pictures = append(texts, text), append(pictures, photograph(code, plainShot, random))
		}
		for i, text := range readsAs(g, pictures...) {
			assert.Equal(t, texts[i], text, "%s version %d", level, i+1)
		}
	}
}

func TestQRModes(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	random := rand.New(rand.NewPCG(1, 2))
	var pictures []image.Image
	texts := []string{"0", "12", "0123456789012", strings.Repeat("90210", 40), "HTTPS://EXAMPLE.ORG/$%*+-.:", "A", "grüße 日本 😀", "x"}
	for i, text := range texts {
		mode := []qr.Encoding{qr.Numeric, qr.Numeric, qr.Numeric, qr.Numeric, qr.AlphaNumeric, qr.AlphaNumeric, qr.Unicode, qr.Unicode}[i]
		code, err := qr.Encode(text, qr.M, mode)
		require.NoError(t, err)
		pictures = append(pictures, photograph(code, plainShot, random))
	}
	assert.Equal(t, texts, readsAs(g, pictures...))
}

const labelText = "https://cameras.example.org/claim#id=0123456789abcdefghjk&code=zyxwvtsrqpnmkjhgfedc&fp=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0&pair=abcdefghjkmnpqrstvw0"

// TestQRShots reads a label turned, from the side, far and near, in bad light, blurred and dirty.
func TestQRShots(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	random := rand.New(rand.NewPCG(3, 4))
	code, err := qr.Encode(labelText, qr.M, qr.Unicode)
	require.NoError(t, err)
	t.Logf("version %d", versionOf(code))
	var shots []shot
	for angle := 0.0; angle < 360; angle += 30 {
		shots = append(shots, shot{module: 4, angle: angle + 3, light: 255})
	}
	for _, module := range []float64{2.5, 3, 3.7, 6, 9} {
		shots = append(shots, shot{module: module, angle: 7, light: 240, dark: 20})
	}
	for _, slant := range []float64{0.1, 0.2, -0.1, -0.15} {
		shots = append(shots, shot{module: 5, angle: 12, slant: slant, light: 255}, shot{module: 5, angle: 200, slant: slant, light: 255})
	}
	shots = append(shots,
		shot{module: 5, angle: 5, light: 230, dark: 30, shade: 0.7},
		shot{module: 5, angle: 45, light: 200, dark: 60, noise: 25},
		shot{module: 5, angle: 85, light: 255, blur: 1},
		shot{module: 6, angle: 95, light: 255, blur: 2, noise: 10},
		shot{module: 5, angle: 180, light: 255, dirt: 12},
		shot{module: 5, angle: 20, slant: 0.15, light: 210, dark: 50, shade: 0.4, noise: 15, blur: 1, dirt: 6},
	)
	var pictures []image.Image
	for _, s := range shots {
		pictures = append(pictures, photograph(code, s, random))
	}
	for i, text := range readsAs(g, pictures...) {
		assert.Equal(t, labelText, text, "%+v", shots[i])
	}
}

// TestQRNothingThere: other pictures are read as nothing, and do not hang or throw.
func TestQRNothingThere(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	random := rand.New(rand.NewPCG(5, 6))
	code, err := qr.Encode(labelText, qr.L, qr.Unicode)
	require.NoError(t, err)
	ruined := photograph(code, shot{module: 5, light: 255, dirt: 300}, random)
	grain := noisy(image.NewGray(image.Rect(0, 0, 300, 300)), 255, random)
	stripes := image.NewGray(image.Rect(0, 0, 200, 200))
	for i := range stripes.Pix {
		stripes.Pix[i] = uint8(i / 3 % 2 * 255)
	}
	for i, text := range readsAs(g, ruined, grain, stripes, image.NewGray(image.Rect(0, 0, 1, 1)), image.NewGray(image.Rect(0, 0, 640, 480))) {
		assert.Empty(t, text, i)
	}
}

// TestReedSolomon corrects exactly as much as a code can, and never invents.
func TestReedSolomon(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	// A version 1-M block of the standard's example (ISO/IEC 18004, annex I): 16 codewords of data, 10 of correction.
	const block = `[0x10,0x20,0x0c,0x56,0x61,0x80,0xec,0x11,0xec,0x11,0xec,0x11,0xec,0x11,0xec,0x11,0xa5,0x24,0xd4,0xc1,0xed,0x36,0xc7,0x87,0x2c,0x55]`
	assert.True(t, module[bool](g, "qr-rs.js", `m.corrected(`+block+`, 10).join() === `+block+`.join()`))
	assert.True(t, module[bool](g, "qr-rs.js", `(() => {
		const right = `+block+`;
		for (let wrong = 1; wrong <= 5; wrong += 1) {
			for (let shift = 0; shift < 26; shift += 1) {
				const word = [...right];
				for (let i = 0; i < wrong; i += 1) word[(shift + 5 * i) % 26] ^= 1 + ((shift * 37 + i * 91) % 255);
				if (m.corrected(word, 10)?.join() !== right.join()) return false;
			}
		}
		return true;
	})()`))
	assert.True(t, module[bool](g, "qr-rs.js", `(() => {
		for (let shift = 0; shift < 26; shift += 1) {
			const word = `+block+`;
			for (let i = 0; i < 7; i += 1) word[(shift + 3 * i) % 26] ^= 1 + ((shift * 53 + i * 29) % 255);
			if (m.corrected(word, 10)?.join() === `+block+`.join()) return false; // it cannot know
		}
		return true;
	})()`))
}
