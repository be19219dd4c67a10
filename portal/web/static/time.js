// Times in words, kept up to date. The server says them in the same words (render.go).

/** @param {number} count @param {string} noun */
export const plural = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/**
 * How long a moment is past.
 * @param {number} then Unix milliseconds
 */
export function ago(then, now = Date.now()) {
  const minutes = Math.floor((now - then) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${plural(minutes, 'minute')} ago`;
  if (minutes < 48 * 60) return `${plural(Math.floor(minutes / 60), 'hour')} ago`;
  return `${plural(Math.floor(minutes / 1440), 'day')} ago`;
}

/** Shows a moment in a <time data-ago> element. */
export function showTime(element, then) {
  element.dateTime = new Date(then).toISOString();
  element.textContent = ago(then);
  element.title = new Date(then).toLocaleString();
}

/** Keeps every <time data-ago> of the page up to date. */
export function keepTimes() {
  const refresh = () => {
    for (const element of document.querySelectorAll('time[data-ago]')) {
      showTime(element, Date.parse(element.dateTime));
    }
  };
  refresh();
  setInterval(refresh, 30_000);
}
