// One camera as an admin sees it: charts of its last day, and what happens at it.
import { chart } from './chart.js';
import { showPresence } from './presence.js';
import { keepTimes } from './time.js';

const INTERVAL = 5_000;

const camera = document.getElementById('camera');
const charts = document.getElementById('charts');
const list = document.getElementById('events');
let last = Number(camera.dataset.last);
let drawn = '';

const figures = [
  { title: 'Pictures a second', unit: '', value: (s) => s.fps },
  { title: 'Bitrate, Mbit/s', unit: 'Mbit/s', value: (s) => s.bitrate / 1e6 },
  { title: 'Viewers', unit: '', value: (s) => s.viewers },
  { title: 'Temperature, °C', unit: '°C', value: (s) => s.temperature, known: (s) => s.temperature !== 0 },
];

/** Draws the charts anew if something was measured since. */
function draw({ samples, since, until, step }) {
  const key = samples.at(-1)?.at ?? '';
  if (key === drawn || samples.length === 0) return;
  drawn = key;
  charts.replaceChildren(...figures.map(({ title, unit, value, known = () => true }) => chart({
    title, unit, step: step * 1000, since: Date.parse(since), until: Date.parse(until),
    points: samples.filter(known).map((s) => ({ at: Date.parse(s.at), value: value(s) })),
  })));
  charts.hidden = false;
}

/** Puts new events on top. */
function add(events) {
  for (const { id, at, kind, text } of events) {
    const item = document.createElement('li');
    item.dataset.event = id;
    const when = document.createElement('p'), what = document.createElement('p');
    when.className = 'when';
    what.className = 'what';
    const time = document.createElement('time');
    time.dateTime = at;
    time.textContent = new Date(at).toLocaleString('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });
    when.append(time);
    const name = document.createElement('strong'), words = document.createElement('span');
    name.textContent = kind;
    words.textContent = text;
    words.className = 'breakable';
    what.append(name, ' ', words);
    item.append(when, what);
    list.prepend(item);
    last = Math.max(last, id);
  }
  if (events.length > 0) document.getElementById('no-events').hidden = true;
}

async function load() {
  let loaded = false;
  try {
    const answer = await fetch(`${camera.dataset.vitals}?after=${last}`);
    if (answer.ok && !answer.redirected) {
      const body = await answer.json();
      showPresence(camera.querySelector('[data-presence]'), body.presence);
      draw(body);
      add(body.events);
      loaded = true;
    }
  } catch { /* said below */ }
  document.getElementById('charts-failure').hidden = loaded;
  setTimeout(load, document.hidden ? 6 * INTERVAL : INTERVAL);
}

keepTimes();
load();
