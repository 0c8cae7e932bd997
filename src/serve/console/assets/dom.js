// Elements from values. Text stays text: nothing here reads markup.

/** An element. `given`: attributes; functions are listeners, `class` a name, booleans are there or not. */
export function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Text in which `words like this` are code. */
export function prose(text) {
  return String(text).split('`').map((part, place) => (place % 2 ? h('code', {}, part) : part));
}

/** Says something to screen readers. */
export function say(text) {
  document.getElementById('status').textContent = text;
}

/** A note about something that went wrong. */
export function failure(text) {
  return h('p', { class: 'note bad', role: 'alert' }, prose(text));
}

/** How many there are of something, in words. */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** Gives a file to the user. */
export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = h('a', { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** The shape and the word of each state. */
export const STATES = {
  synced: ['●', 'synced'],
  unknown: ['○', 'unknown'],
  pending: ['◐', 'pending'],
  unhealthy: ['▲', 'unhealthy'],
  failed: ['✖', 'failed'],
};

/** A state as a shape, with its word for those who do not see it. */
export function shape(state) {
  const [sign, word] = STATES[state] ?? ['○', state];
  return h('span', { class: `shape is-${state}`, title: word }, h('span', { 'aria-hidden': 'true' }, sign), h('span', { class: 'unseen' }, word));
}
