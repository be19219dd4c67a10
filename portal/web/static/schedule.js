// The rows of a privacy schedule: days, from, to. What they mean is in pkg/signaling, PrivacySpan.

const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** Every time zone that the browser knows, and those that must be there. */
function zones(...needed) {
  const known = Intl.supportedValuesOf?.('timeZone') ?? [];
  return [...new Set([...known, 'UTC', ...needed])].sort();
}

/** The schedule editor of a form. It calls changed at each change by hand. */
export class Schedule {
  #form;
  #list;
  #row;
  #zone;
  #changed;

  constructor(form, row, changed) {
    this.#form = form;
    this.#row = row;
    this.#changed = changed;
    this.#list = form.querySelector('#spans');
    this.#zone = form.querySelector('#zone');
    form.querySelector('#add-span').addEventListener('click', () => this.#addNew());
    this.#list.addEventListener('input', (event) => this.#edited(event.target.closest('.span')));
    this.#zone.addEventListener('change', () => {
      this.showErrors({});
      changed();
    });
  }

  /** What the form says now, as the API takes it. */
  get value() {
    const schedule = [...this.#list.children].map((item) => ({
      days: [...item.querySelectorAll('.chip input:checked')].map((day) => day.value),
      from: item.querySelector('[data-from]').value,
      to: item.querySelector('[data-to]').value,
    }));
    return { schedule, zone: this.#zone.value };
  }

  /** Shows a schedule in place of what is there. */
  show({ schedule, zone }) {
    const chosen = zone || browserZone();
    this.#zone.replaceChildren(...zones(chosen).map((name) => new Option(name, name, false, name === chosen)));
    this.#list.replaceChildren();
    for (const span of schedule) this.#add(span);
    this.showErrors({});
    this.#arrange();
  }

  /** Says what is wrong, by field: zone, schedule, schedule.0.days … */
  showErrors(errors) {
    const say = (place, text) => {
      place.querySelector('[data-text]').textContent = text;
      place.hidden = text === '';
    };
    say(this.#form.querySelector('#zone-error'), errors.zone ?? '');
    say(this.#form.querySelector('#schedule-error'), errors.schedule ?? '');
    [...this.#list.children].forEach((item, i) => {
      const texts = ['days', 'from', 'to'].map((field) => errors[`schedule.${i}.${field}`] ?? '');
      say(item.querySelector('.error'), texts.filter(Boolean).join(' '));
      item.querySelectorAll('.times input').forEach((input, at) => input.toggleAttribute('aria-invalid', texts[at + 1] !== ''));
    });
  }

  #add(span) {
    const item = this.#row.content.cloneNode(true).firstElementChild;
    for (const day of item.querySelectorAll('.chip input')) day.checked = span.days.includes(day.value);
    item.querySelector('[data-from]').value = span.from;
    item.querySelector('[data-to]').value = span.to;
    item.querySelector('[data-remove]').addEventListener('click', () => this.#remove(item));
    this.#list.append(item);
    this.#explain(item);
    return item;
  }

  #addNew() {
    const item = this.#add({ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '22:00', to: '07:00' });
    this.#arrange();
    this.#changed();
    item.querySelector('[data-from]').focus();
  }

  #remove(item) {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    this.#arrange();
    this.#changed();
    (next?.querySelector('[data-remove]') ?? this.#form.querySelector('#add-span')).focus();
  }

  #edited(item) {
    item.querySelector('.error').hidden = true;
    for (const input of item.querySelectorAll('[aria-invalid]')) input.removeAttribute('aria-invalid');
    this.#explain(item);
    this.#changed();
  }

  /** Says what an end that is not after the begin means. */
  #explain(item) {
    const [from, to] = [item.querySelector('[data-from]').value, item.querySelector('[data-to]').value];
    const next = item.querySelector('[data-next]');
    next.hidden = !from || !to || to > from;
    next.textContent = from === to ? 'For 24 hours from each of these days.' : `Until ${to} on the next day.`;
  }

  #arrange() {
    const count = this.#list.children.length;
    [...this.#list.children].forEach((item, i) => item.setAttribute('aria-label', `Time ${i + 1} of ${count}`));
    this.#form.querySelector('#no-spans').hidden = count > 0;
    this.#form.querySelector('#zone-field').hidden = count === 0;
  }
}
