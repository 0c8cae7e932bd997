// A tree of which only the visible rows are elements, so that thousands of items stay fluid. Keys as in the ARIA pattern for trees.

import { h } from './dom.js';

const ROW = 28;
const SPARE = 8;

/** A tree view. `row(entry)` makes the content of a row; `on.select(entry)` and `on.toggle(entry, open)` hear the user. */
export class Tree {
  constructor(label, row, on) {
    this.row = row;
    this.on = on;
    this.entries = [];
    this.active = 0;
    this.selected = null;
    this.space = h('div', { class: 'tree-space', role: 'presentation' });
    this.element = h('div', {
      class: 'tree', role: 'tree', tabindex: '0', 'aria-label': label,
      keydown: (event) => this.key(event),
      click: (event) => this.click(event),
      scroll: () => this.schedule(),
    }, this.space);
    this.printing = () => this.render(true);
    window.addEventListener('beforeprint', this.printing);
    this.resizes = new ResizeObserver(() => this.schedule());
    this.resizes.observe(this.element);
  }

  /** Shows entries: `{key, depth, open: true|false|undefined, position, of, item}`. */
  show(entries) {
    const active = this.entries[this.active]?.key;
    this.entries = entries;
    const place = entries.findIndex((entry) => entry.key === active);
    this.active = Math.max(0, place >= 0 ? place : Math.min(this.active, entries.length - 1));
    this.space.style.height = `${entries.length * ROW}px`;
    this.schedule();
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.render();
    });
  }

  /** Makes the visible rows; `isPrinted`: all. */
  render(isPrinted = false) {
    const { scrollTop, clientHeight } = this.element;
    const first = isPrinted ? 0 : Math.max(0, Math.floor(scrollTop / ROW) - SPARE);
    const last = isPrinted ? this.entries.length : Math.min(this.entries.length, Math.ceil((scrollTop + clientHeight) / ROW) + SPARE);
    const rows = [];
    for (let place = first; place < last; place += 1) rows.push(this.line(place));
    if (this.active < first || this.active >= last) this.element.removeAttribute('aria-activedescendant');
    else this.element.setAttribute('aria-activedescendant', `row-${this.active}`);
    this.space.replaceChildren(...rows);
  }

  line(place) {
    const entry = this.entries[place];
    const element = h('div', {
      class: `row${place === this.active ? ' active' : ''}${entry.fresh ? ' fresh' : ''}`,
      role: 'treeitem', id: `row-${place}`, 'data-place': place,
      'aria-level': entry.depth + 1, 'aria-posinset': entry.position, 'aria-setsize': entry.of,
      'aria-expanded': entry.open === undefined ? undefined : String(entry.open),
      'aria-selected': String(entry.key === this.selected),
    },
    h('span', { class: 'twisty', 'aria-hidden': 'true' }, entry.open === undefined ? '' : entry.open ? '▾' : '▸'),
    this.row(entry));
    element.style.top = `${place * ROW}px`;
    element.style.paddingInlineStart = `${6 + entry.depth * 18}px`;
    return element;
  }

  click(event) {
    const row = event.target.closest('.row');
    if (!row) return;
    const place = Number(row.dataset.place);
    const entry = this.entries[place];
    this.active = place;
    if (event.target.closest('.twisty') && entry.open !== undefined) this.on.toggle(entry, !entry.open);
    else this.select(entry);
  }

  select(entry) {
    this.selected = entry.key;
    this.on.select(entry);
    this.schedule();
  }

  move(place) {
    this.active = Math.max(0, Math.min(place, this.entries.length - 1));
    const top = this.active * ROW;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.element.scrollTop = top + ROW - clientHeight;
    this.schedule();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const entry = this.entries[this.active];
    if (!entry) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 1);
    const parent = () => {
      let place = this.active;
      while (place > 0 && this.entries[place].depth >= entry.depth) place -= 1;
      return place;
    };
    const keys = {
      ArrowDown: () => this.move(this.active + 1),
      ArrowUp: () => this.move(this.active - 1),
      PageDown: () => this.move(this.active + page),
      PageUp: () => this.move(this.active - page),
      Home: () => this.move(0),
      End: () => this.move(this.entries.length - 1),
      ArrowRight: () => (entry.open === false ? this.on.toggle(entry, true) : entry.open && this.move(this.active + 1)),
      ArrowLeft: () => (entry.open ? this.on.toggle(entry, false) : this.move(parent())),
      Enter: () => this.select(entry),
      ' ': () => this.select(entry),
    };
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  }

  close() {
    window.removeEventListener('beforeprint', this.printing);
    this.resizes.disconnect();
  }
}
