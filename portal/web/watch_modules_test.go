package web

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestSteadyValues feeds values at given milliseconds; worse lasts 1 second and better 3.
func TestSteadyValues(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	for name, c := range map[string]struct {
		offered string
		shown   []string
	}{
		"nothing happens":         {`[['good', 0], ['good', 5000]]`, []string{}},
		"a flicker is not shown":  {`[['bad', 0], ['good', 900], ['bad', 1000], ['good', 1900]]`, []string{}},
		"what lasts is shown":     {`[['bad', 0], ['bad', 999], ['bad', 1000], ['bad', 2000]]`, []string{"bad"}},
		"the way back is longer":  {`[['bad', 0], ['bad', 1000], ['good', 1100], ['good', 4000], ['bad', 4050], ['good', 4100], ['good', 7099]]`, []string{"bad"}},
		"and comes":               {`[['bad', 0], ['bad', 1000], ['good', 1100], ['good', 4100]]`, []string{"bad", "good"}},
		"from one bad to another": {`[['bad', 0], ['bad', 1000], ['worse', 1100], ['worse', 2100]]`, []string{"bad", "worse"}},
	} {
		assert.Equal(t, c.shown, module[[]string](g, "steady.js", fmt.Sprintf(`(() => {
			const shown = [];
			const steady = new m.Steady('good', (v) => (v === 'good' ? 3000 : 1000), (v) => shown.push(v));
			for (const [value, now] of %s) steady.offer(value, now);
			return shown;
		})()`, c.offered)), name)
	}
}

// TestSets looks at what reaches the camera of many changes within a moment.
func TestSets(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	sent := func(changes string) []string {
		return module[[]string](g, "sets.js", fmt.Sprintf(`new Promise((done) => {
			const sent = [];
			const start = performance.now();
			const sets = new m.Sets((name, value) => { sent.push(name + ' ' + value); times.push(performance.now() - start) });
			const times = [];
			const pan = { name: 'pan', min: -100, max: 100 };
			%s
			setTimeout(() => done(times.every((at, i) => i === 0 || at - times[i - 1] >= 95) ? sent : times.map(String)), 1000);
		})`, changes))
	}
	assert.Equal(t, []string{"a 1", "a 9"}, sent(`for (let i = 1; i < 10; i++) sets.set('a', i);`), "the last value counts")
	assert.Equal(t, []string{"a 1", "b 2", "a 3"}, sent(`sets.set('a', 1); sets.set('b', 2); sets.set('a', 3);`), "each has its turn")
	assert.Equal(t, []string{"pan 10", "pan 30"}, sent(`for (let i = 0; i < 4; i++) sets.move(pan, 10);`), "moves add up")
	assert.Equal(t, []string{"pan -10", "pan -100"}, sent(`for (let i = 0; i < 40; i++) sets.move(pan, -10);`), "within the bounds")
	assert.Equal(t, []string{"a 1"}, sent(`sets.set('a', 1); sets.set('a', 2); sets.clear();`), "forgotten")
}

// TestUsableControls gives the panel lists from cameras that are newer, broken or hostile.
func TestUsableControls(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	names := func(list string) []string {
		return module[[]string](g, "panel.js", fmt.Sprintf(`m.usableControls(%s).map((control) => control.name)`, list))
	}
	for _, nothing := range []string{
		`undefined`, `null`, `{}`, `'text'`, `[null, 5, 'x', []]`, `[{}]`,
		`[{name: 'a', min: 0, max: 0, step: 1, value: 0}]`, `[{name: 'a', min: 0, max: 9, step: 0, value: 0}]`,
		`[{name: 'a', min: 0, max: 9, step: 1}]`, `[{name: 'a', min: '0', max: 9, step: 1, value: 1}]`,
		`[{name: 'a', min: 0, max: Infinity, step: 1, value: 1}]`, `[{name: 'a', options: [1]}]`,
		`[{name: 'a', options: new Array(13).fill(1)}]`, `[{name: '<b>', options: [0, 1]}]`, `[{min: 0, max: 9, step: 1, value: 1}]`,
	} {
		assert.Empty(t, names(nothing), nothing)
	}
	assert.Equal(t, []string{"a", "b", "c", "constructor"}, names(`[{name: 'a', min: 0, max: 9, step: 1, value: 1}, {name: 'b', min: -9, max: 9, step: 3, relative: true},
		{name: 'c', options: ['x', 'y'], value: 'x'}, {name: 'constructor', min: -9, max: 9, step: 3, relative: true}]`))
	assert.Len(t, names(`new Array(100).fill({name: 'a', options: [0, 1]})`), 40)
	words := func(control, option string) string {
		return module[string](g, "panel.js", fmt.Sprintf(`m.optionWords(%s, %s)`, control, option))
	}
	assert.Equal(t, "7", words(`{name: 'quality', options: [6, 7]}`, `7`), "a quality from the future")
	assert.Equal(t, "Off", words(`{name: 'night', options: [0, 1]}`, `0`))
	assert.Equal(t, "auto", words(`{name: 'night', options: ['on', 'auto']}`, `'auto'`))
}
