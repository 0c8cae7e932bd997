// What there is and how it is: a tree that stays up to date.

import { follow } from './api.js';
import { STATES, count, failure, h, prose, say, shape } from './dom.js';
import { Tree } from './tree.js';

/** Kinds as people call them. */
const KINDS = { IngressGroup: 'Ingress group', LoadBalancer: 'Load balancer', TargetGroup: 'Target group', TargetGroupBinding: 'Binding', GlobalAccelerator: 'Accelerator', EndpointGroup: 'Endpoint group' };
/** Up to so many at the top, everything down to the listeners is open at first. */
const FEW = 12;

const kindOf = (item) => KINDS[item.kind] ?? item.kind;

/** What the filters say, and which rows come of it. */
class View {
  constructor() {
    this.items = new Map();
    this.head = { roots: [] };
    this.words = [];
    this.namespace = '';
    this.problems = new Set();
    this.toggled = new Map();
    this.texts = new Map();
  }

  put(item) {
    this.items.set(item.id, item);
    this.texts.delete(item.id);
  }

  /** Drops what nothing leads to any more. */
  sweep() {
    const kept = new Set();
    const open = [...this.head.roots];
    while (open.length) {
      const id = open.pop();
      const item = kept.has(id) ? undefined : this.items.get(id);
      if (!item) continue;
      kept.add(id);
      for (const list of [item.children, item.related]) if (list) open.push(...list);
    }
    for (const id of this.items.keys()) {
      if (kept.has(id)) continue;
      this.items.delete(id);
      this.texts.delete(id);
    }
  }

  /** What is searched of an item. */
  text(item) {
    let text = this.texts.get(item.id);
    if (text === undefined) {
      const { kind, namespace = '', name, label = '', hosts = [], reason = '', details = {} } = item;
      text = [kind, kindOf(item), `${namespace}/${name}`, label, reason, ...hosts, details.service, details.dnsName, details.arn].join(' ').toLowerCase();
      this.texts.set(item.id, text);
    }
    return text;
  }

  get isFiltered() {
    return this.words.length > 0 || this.problems.size > 0;
  }

  isHit(item) {
    if (this.problems.size > 0) {
      const isUnsynced = item.state === 'failed' || item.state === 'pending';
      const isHit = (this.problems.has('unsynced') && isUnsynced) || (this.problems.has('unhealthy') && item.state === 'unhealthy');
      if (!isHit) return false;
    }
    const text = this.text(item);
    return this.words.every((word) => text.includes(word));
  }

  /** Rows of the tree, in order. */
  entries() {
    const found = new Map();
    const hits = new Map();
    const hit = (id) => {
      if (!hits.has(id)) hits.set(id, this.isHit(this.items.get(id)));
      return hits.get(id);
    };
    const has = (id) => {
      if (found.has(id)) return found.get(id);
      found.set(id, false);
      const item = this.items.get(id);
      const is = item !== undefined && (hit(id) || (item.children ?? []).some(has));
      found.set(id, is);
      return is;
    };
    const entries = [];
    const few = this.head.roots.length <= FEW;
    const walk = (ids, depth, path, isBelowHit) => {
      const shown = ids.filter((id) => this.items.has(id) && (!this.isFiltered || isBelowHit || has(id)));
      shown.forEach((id, place) => {
        const item = this.items.get(id);
        const key = `${path}>${id}`;
        const children = item.children ?? [];
        const isHit = this.isFiltered && hit(id);
        const byItself = this.isFiltered ? children.some((child) => has(child)) : few && depth < 2;
        const open = children.length ? this.toggled.get(key) ?? byItself : undefined;
        entries.push({ key, depth, open, position: place + 1, of: shown.length, item, isHit, fresh: this.fresh?.has(id) });
        if (open) walk(children, depth + 1, key, isBelowHit || isHit);
      });
    };
    const inNamespace = (id) => {
      const item = this.items.get(id);
      return item && (!this.namespace || item.namespace === this.namespace || (item.children ?? []).some((child) => this.items.get(child)?.namespace === this.namespace));
    };
    walk(this.head.roots.filter(inNamespace), 0, '', false);
    return entries;
  }

  namespaces() {
    return [...new Set([...this.items.values()].map((item) => item.namespace).filter(Boolean))].sort();
  }

  count() {
    const states = Object.fromEntries(Object.keys(STATES).map((state) => [state, 0]));
    for (const id of this.head.roots) {
      const item = this.items.get(id);
      if (item) states[item.worst] += 1;
    }
    return states;
  }
}

/** How many targets are healthy. */
function targets({ targets: all }) {
  if (!all || all.total + all.draining === 0) return undefined;
  const state = all.unhealthy ? 'unhealthy' : all.pending ? 'pending' : all.unknown ? 'unknown' : 'synced';
  return h('span', { class: `targets is-${state}` }, `${all.healthy}/${all.total} healthy`);
}

function row({ item }) {
  return [
    shape(item.worst),
    h('span', { class: 'kind' }, kindOf(item)),
    h('span', { class: 'name' }, item.namespace ? `${item.namespace}/${item.name}` : item.name),
    item.label && h('span', { class: 'label' }, item.label),
    item.reason && h('span', { class: `reason is-${item.state}` }, item.reason),
    targets(item),
  ];
}

function facts(item) {
  const rows = Object.entries(item.details ?? {});
  if (item.hosts?.length) rows.unshift(['hosts', item.hosts.join('\n')]);
  const word = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return rows.length ? h('dl', { class: 'facts' }, rows.map(([name, value]) => h('div', {}, h('dt', {}, word(name)), h('dd', {}, value)))) : undefined;
}

function detail(item, view) {
  const counts = item.targets && Object.entries(item.targets).filter(([, number]) => number > 0).map(([name, number]) => `${number} ${name}`).join(', ');
  const related = (item.related ?? []).map((id) => view.items.get(id)).filter(Boolean);
  return [
    h('p', { class: 'kind' }, kindOf(item)),
    h('h2', {}, item.namespace ? `${item.namespace}/${item.name}` : item.name),
    item.label && h('p', { class: 'label' }, item.label),
    h('p', { class: 'state' }, shape(item.state), ' ', h('strong', {}, STATES[item.state]?.[1] ?? item.state), item.reason && ` – ${item.reason}`),
    item.worst !== item.state && h('p', { class: 'state' }, shape(item.worst), ' below it: ', STATES[item.worst]?.[1]),
    item.message && h('p', { class: 'message' }, prose(item.message)),
    item.remedies?.length && [h('h3', {}, 'What to do'), h('ul', { class: 'remedies' }, item.remedies.map((text) => h('li', {}, prose(text))))],
    item.event && [h('h3', {}, 'Last event'), event(item.event)],
    counts && [h('h3', {}, 'Targets'), h('p', {}, counts)],
    facts(item),
    related.map((other) => h('section', { class: 'related' }, h('h3', {}, `${kindOf(other)} `, shape(other.state), ` ${other.namespace ? `${other.namespace}/` : ''}${other.name}`), other.message && h('p', {}, prose(other.message)), facts(other))),
  ];
}

function event({ warning, reason, message, count: times, time }) {
  const when = time && new Date(time).toLocaleString();
  return h('p', { class: `event${warning ? ' warning' : ''}` }, h('strong', {}, reason), ` ${message}`, h('span', { class: 'label' }, [when, times > 1 && `${times} times`].filter(Boolean).map((text) => ` · ${text}`)));
}

/** Opens the page; answers how to leave it. */
export function open(main, url) {
  const view = new View();
  const summary = h('p', { class: 'summary', id: 'summary' });
  const live = h('span', { class: 'live is-connecting' }, 'Connecting');
  const notes = h('div', {});
  const aside = h('aside', { class: 'detail', 'aria-label': 'Details', tabindex: '0' }, h('p', { class: 'label' }, 'Select something to see its state, what was last said of it, and what to do.'));
  let selected;
  let timer;

  const tree = new Tree('Topology', row, {
    select: ({ item }) => {
      selected = item.id;
      aside.replaceChildren(...detail(item, view).flat(Infinity).filter(Boolean));
      const { name, namespace } = item;
      say(`${kindOf(item)} ${namespace ? `${namespace}/` : ''}${name}: ${item.state}`);
    },
    toggle: ({ key }, isOpen) => {
      view.toggled.set(key, isOpen);
      render();
    },
  });
  const search = h('input', { type: 'search', id: 'find', placeholder: 'name, host, namespace, kind …  ( / )', autocomplete: 'off', spellcheck: 'false', value: url.searchParams.get('q') ?? '', input: () => { clearTimeout(timer); timer = setTimeout(filter, 80); } });
  const namespace = h('select', { id: 'namespace', change: filter }, h('option', { value: '' }, 'all'));
  const problem = (name, text) => h('button', {
    type: 'button', class: 'toggle', 'aria-pressed': 'false', 'data-problem': name,
    click: ({ currentTarget }) => {
      if (view.problems.has(name)) view.problems.delete(name);
      else view.problems.add(name);
      currentTarget.setAttribute('aria-pressed', String(view.problems.has(name)));
      filter();
    },
  }, text);

  function filter() {
    view.words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    view.namespace = namespace.value;
    view.toggled.clear();
    tree.element.scrollTop = 0;
    render();
    say(`${count(tree.entries.length, 'row')} shown`);
  }

  function render() {
    tree.show(view.entries());
    const counts = view.count();
    summary.replaceChildren(...Object.entries(counts).filter(([, number]) => number > 0).map(([state, number]) => h('span', { class: 'tally' }, shape(state), ` ${number.toLocaleString('en')} ${STATES[state][1]}`)));
    if (!tree.entries.length && view.loaded) summary.append(h('span', { class: 'label' }, view.isFiltered || view.namespace ? 'Nothing matches.' : 'There is nothing yet.'));
    tree.element.dataset.rows = tree.entries.length;
  }

  function apply(head) {
    view.head = head;
    if (view.items.size > head.items) view.sweep();
    if (!view.loaded) performance.mark('topology');
    view.loaded = true;
    const names = view.namespaces();
    if (namespace.options.length !== names.length + 1 || names.some((name, place) => namespace.options[place + 1].value !== name)) {
      const chosen = namespace.value;
      namespace.replaceChildren(h('option', { value: '' }, 'all'), ...names.map((name) => h('option', { value: name }, name)));
      namespace.value = names.includes(chosen) ? chosen : '';
    }
    notes.replaceChildren(...(head.withoutAws ? [h('p', { class: 'note' }, prose(`AWS was not asked: ${head.withoutAws}. What only AWS knows is missing or unknown.`))] : []));
    render();
    const item = view.items.get(selected);
    if (selected && !item) aside.replaceChildren(h('p', { class: 'label' }, 'What was selected is no longer there.'));
    if (item) aside.replaceChildren(...detail(item, view).flat(Infinity).filter(Boolean));
    main.dataset.items = view.items.size;
  }

  let isFirst = true;
  const stop = follow('/api/topology', (name, data) => {
    live.className = 'live is-live';
    live.textContent = 'Live';
    if (name === 'reset') {
      view.items.clear();
      view.texts.clear();
      isFirst = true;
    } else if (name === 'items') {
      if (!isFirst) view.fresh = new Set([...(view.fresh ?? []), ...data.map((item) => item.id)]);
      data.forEach((item) => view.put(item));
    } else if (name === 'failed') {
      notes.replaceChildren(failure(data));
    } else if (name === 'head') {
      const fresh = view.fresh?.size ?? 0;
      apply(data);
      if (!isFirst && fresh) say(`${count(fresh, 'item')} changed`);
      isFirst = false;
      view.fresh = undefined;
    }
  }, (word, why) => {
    live.className = `live is-${word}`;
    live.textContent = word === 'lost' ? 'Not connected' : 'Connecting';
    if (why) notes.replaceChildren(failure(why));
  });

  main.append(
    h('div', { class: 'bar' },
      h('label', { class: 'grow' }, 'Find', search),
      h('label', {}, 'Namespace', namespace),
      h('div', { class: 'group', role: 'group', 'aria-label': 'Problems' }, problem('unsynced', 'Not synced'), problem('unhealthy', 'Not healthy')),
      live),
    h('div', { class: 'bar sub' }, summary),
    notes,
    h('div', { class: 'split' }, tree.element, aside),
  );
  filter();
  return () => {
    stop();
    tree.close();
  };
}
