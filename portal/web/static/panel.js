// The camera's own controls: whatever its source offers, in the form that suits each. A control is
// {name, value} with {min, max, step}, the same with "relative" and no value, or {options}.
import { Sets } from './sets.js';

const SETTLE_MS = 1_000; // what the camera says of a control that is being moved is of before
const REPEAT_MS = 200; // between the moves of a held arrow
const KEY_MS = 100; // the same of a held key, which repeats by itself and faster
const MOST = 40; // controls

const LABELS = { __proto__: null, resolution: 'Picture size', quality: 'Picture quality' };
const QUALITIES = ['Save data', 'Balanced', 'Best'];
const MOVES = {
  __proto__: null,
  pan: [['Pan left', 'left', -1], ['Pan right', 'right', 1]],
  tilt: [['Tilt up', 'up', 1], ['Tilt down', 'down', -1]],
  zoom: [['Zoom out', 'minus', -1], ['Zoom in', 'plus', 1]],
};
const ARROWS = { __proto__: null, ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' };

/** "white_balance" is "White balance". */
function label(name) {
  return LABELS[name] ?? (name[0].toUpperCase() + name.slice(1)).replaceAll('_', ' ');
}

/** The words for one of a control's options. */
export function optionWords({ name, options }, option) {
  if (name === 'quality') return QUALITIES[option] ?? String(option);
  if (name === 'rotation') return `${option}°`;
  if (name === 'resolution') return `${option}p`;
  if (options.length === 2 && options.includes(0) && options.includes(1)) return option ? 'On' : 'Off';
  return String(option);
}

/** The controls of a message that can be shown; a newer camera may offer others. */
export function usableControls(list) {
  const number = Number.isFinite;
  const usable = ({ name, min, max, step, value, options, relative }) => {
    if (typeof name !== 'string' || !/^[a-z][a-z0-9_]{0,31}$/.test(name)) return false;
    if (Array.isArray(options)) return options.length > 1 && options.length <= 12;
    return number(min) && number(max) && min < max && number(step) && step > 0 && (relative === true || number(value));
  };
  return Array.isArray(list) ? list.filter((control) => control !== null && usable(control)).slice(0, MOST) : [];
}

/** Makes an element with attributes, where null is none, and children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  const file = { left: 'arrow-left', right: 'arrow-right', up: 'arrow-left', down: 'arrow-right' }[name] ?? name; // turned by the style
  use.setAttribute('href', `${new URL('./icons.svg', import.meta.url)}#${file}`);
  svg.append(use);
  return svg;
}

export class Panel {
  #details;
  #body;
  #sets;
  #shape = '';
  #shown = new Map();
  #repeat = 0;

  /**
   * @param {HTMLDetailsElement} details with an element [data-controls] in it
   * @param {(message: object) => boolean} send to the camera
   */
  constructor(details, send) {
    this.#details = details;
    this.#body = details.querySelector('[data-controls]');
    this.#sets = new Sets((name, value) => send({ type: 'set', name, value }));
    addEventListener('blur', () => this.#release());
  }

  /** Shows the controls of a message, or their new values; an empty list hides the panel. */
  receive(list) {
    this.#body.inert = false;
    const controls = usableControls(list);
    const shape = JSON.stringify(controls.map(({ value, ...rest }) => rest));
    if (shape !== this.#shape) this.#build(controls, shape);
    for (const { name, value } of controls) this.#shown.get(name)?.take(value);
  }

  /** The camera refused a value: shows again what it has. */
  refused() {
    this.#sets.clear();
    for (const control of this.#shown.values()) control.settle();
  }

  /** The session ended: shows what there was, until there is another one or none. */
  reset() {
    this.#release();
    this.#sets.clear();
    this.#body.inert = true;
  }

  #build(controls, shape) {
    const focused = document.activeElement?.id;
    this.#release();
    this.#shape = shape;
    for (const control of this.#shown.values()) control.drop();
    this.#shown.clear();
    const moved = controls.filter(({ relative }) => relative);
    const aimed = moved.filter(({ name }) => name === 'pan' || name === 'tilt');
    const parts = controls.filter(({ relative }) => !relative)
      .map((control) => (control.options ? this.#choice(control) : this.#slider(control)));
    const steps = moved.filter((control) => !aimed.includes(control)).map((control) => this.#steps(label(control.name), [control], 'moves'));
    if (aimed.length > 0) steps.unshift(this.#steps('Direction', aimed, 'pad'));
    this.#body.replaceChildren(...steps, ...parts);
    this.#details.hidden = controls.length === 0;
    if (focused) document.getElementById(focused)?.focus();
  }

  /** Keeps a control's element in step with the camera, except while the person moves it. */
  #follow(name, show) {
    let value;
    let timer = 0;
    const settle = () => {
      clearTimeout(timer);
      timer = 0;
      show(value);
    };
    this.#shown.set(name, {
      settle,
      drop: () => clearTimeout(timer),
      take: (said) => {
        value = said;
        if (timer === 0) show(value);
      },
    });
    return (chosen) => {
      clearTimeout(timer);
      timer = setTimeout(settle, SETTLE_MS);
      this.#sets.set(name, chosen);
    };
  }

  #slider({ name, min, max, step }) {
    const id = `control-${name}`;
    const input = make('input', { type: 'range', id, min, max, step });
    const output = make('output', { for: id });
    const show = (value) => {
      input.value = value;
      output.textContent = input.value;
    };
    const chosen = this.#follow(name, show);
    input.addEventListener('input', () => {
      output.textContent = input.value;
      chosen(input.valueAsNumber);
    });
    return make('div', { class: 'control slider', 'data-control': name }, make('label', { for: id }, label(name)), output, input);
  }

  #choice(control) {
    const { name, options } = control;
    const inputs = options.map((_, i) => make('input', { type: 'radio', name: `control-${name}`, id: `control-${name}-${i}` }));
    const chosen = this.#follow(name, (value) => {
      inputs.forEach((input, i) => { input.checked = options[i] === value; });
    });
    inputs.forEach((input, i) => input.addEventListener('change', () => chosen(options[i])));
    const labels = inputs.map((input, i) => make('label', {}, input, make('span', {}, optionWords(control, options[i]))));
    return make('fieldset', { class: 'control choice', 'data-control': name }, make('legend', {}, label(name)), make('div', { class: 'segments' }, ...labels));
  }

  #steps(title, controls, kind) {
    const buttons = controls.flatMap((control) => {
      const moves = MOVES[control.name] ?? [[`Less ${control.name}`, 'minus', -1], [`More ${control.name}`, 'plus', 1]];
      return moves.map(([words, way, sign]) => this.#mover(control, words, way, sign));
    });
    const group = make('div', { class: kind, role: 'group', 'aria-label': title }, ...buttons);
    group.addEventListener('keydown', (event) => {
      const button = group.querySelector(`[data-way="${ARROWS[event.key]}"]`);
      if (!button) return;
      event.preventDefault();
      button.focus();
      button.click();
    });
    return make('div', { class: 'control' }, make('p', { class: 'control-title', 'aria-hidden': 'true' }, title), group);
  }

  /** A button that moves once, and on and on while it is held. */
  #mover(control, words, way, sign) {
    const button = make('button', {
      type: 'button', id: `control-${control.name}-${way}`, 'aria-label': words, title: words, 'data-way': way,
    }, icon(way));
    const move = () => this.#sets.move(control, sign * control.step);
    button.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      this.#release();
      move();
      this.#repeat = setInterval(move, REPEAT_MS);
    });
    for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) button.addEventListener(type, () => this.#release());
    let last = -KEY_MS;
    button.addEventListener('click', (event) => {
      if (event.detail !== 0 || event.timeStamp - last < KEY_MS) return; // a pointer has moved it already
      last = event.timeStamp;
      move();
    });
    return button;
  }

  #release() {
    clearInterval(this.#repeat);
  }
}
