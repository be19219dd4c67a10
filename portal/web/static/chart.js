// A line chart as SVG: one value over time, with gaps where nothing was measured.

const NS = 'http://www.w3.org/2000/svg';
const WIDTH = 380, HEIGHT = 116, LEFT = 44, BOTTOM = 20, TOP = 8;

/** @param {string} name @param {Record<string, string | number>} attributes @param {string} [text] */
function element(name, attributes, text = '') {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.textContent = text;
  return made;
}

/** The next number that is easy to read: 1, 2 or 5 times a power of ten. */
export function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= value);
}

/**
 * The lines of a chart, in parts where nothing was measured for longer than two steps.
 * @param {{at: number, value: number}[]} points
 */
export function lines(points, step) {
  const parts = [];
  points.forEach((point, i) => {
    if (i === 0 || point.at - points[i - 1].at > 2 * step) parts.push([]);
    parts.at(-1).push(point);
  });
  return parts;
}

/**
 * A chart in a figure, in words for who does not see it.
 * @param {{title: string, unit: string, points: {at: number, value: number}[], since: number, until: number, step: number}} data
 */
export function chart({ title, unit, points, since, until, step }) {
  const figure = document.createElement('figure');
  figure.className = 'chart';
  const caption = document.createElement('figcaption');
  caption.textContent = title;
  figure.append(caption);
  const most = ceiling(Math.max(0, ...points.map((p) => p.value)));
  const x = (at) => LEFT + ((at - since) / (until - since)) * (WIDTH - LEFT - 4);
  const y = (value) => TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM);
  const last = points.at(-1);
  const words = last ? `${title}: ${shown(last.value)} ${unit} last, at most ${shown(Math.max(...points.map((p) => p.value)))}` : `${title}: nothing measured`;
  const svg = element('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': words });
  for (const share of [0, 0.5, 1]) {
    svg.append(element('line', { x1: LEFT, x2: WIDTH - 4, y1: y(share * most), y2: y(share * most), class: 'grid' }));
    svg.append(element('text', { x: LEFT - 6, y: y(share * most) + 4, 'text-anchor': 'end' }, shown(share * most)));
  }
  for (const [at, text] of [[since, '24 h ago'], [(since + until) / 2, '12 h'], [until, 'now']]) {
    svg.append(element('text', { x: x(at), y: HEIGHT - 4, 'text-anchor': at === since ? 'start' : at === until ? 'end' : 'middle' }, text));
  }
  for (const part of lines(points, step)) {
    const path = part.map((p, i) => `${i ? 'L' : 'M'}${x(p.at).toFixed(1)} ${y(p.value).toFixed(1)}`).join('');
    svg.append(element('path', { d: part.length > 1 ? path : `${path}h2`, class: 'line' }));
  }
  figure.append(svg);
  return figure;
}

function shown(value) {
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}
