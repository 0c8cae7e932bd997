// How the plan of a Gateway compares with that of the Ingress it was made from.

import { ask } from './api.js';
import { count, download, failure, h, say } from './dom.js';
import { report } from './report.js';

const STATUSES = ['same', 'changed', 'removed', 'added'];
const SIGNS = { same: '=', changed: '~', removed: '−', added: '+' };
const ORDER = ['LoadBalancer', 'Listener', 'ListenerRule', 'TargetGroup'];

const query = (parameters) => new URLSearchParams(parameters).toString();
const path = (parameters) => `/migrate${parameters ? `?${query(parameters)}` : ''}`;
const shortType = (type) => type.split('::').pop();

/** Opens the page that the URL names. */
export function open(main, url, go) {
  const namespace = url.searchParams.get('namespace');
  const gateway = url.searchParams.get('gateway');
  const body = h('div', { class: 'page' }, crumbs(namespace, gateway), h('p', { class: 'label', role: 'status' }, 'Reading …'));
  main.append(body);
  let close = () => {};
  const show = async () => {
    const made = gateway && namespace ? comparison(namespace, gateway, await ask(`/api/diff?${query({ namespace, gateway })}`))
      : namespace ? gateways(namespace, await ask(`/api/gateways?${query({ namespace })}`), go)
        : namespaces(await ask('/api/namespaces'));
    close = made.close ?? close;
    body.lastChild.replaceWith(...[made.content].flat().filter(Boolean));
  };
  show().catch((error) => body.lastChild.replaceWith(failure(error.message)));
  return () => close();
}

function crumbs(namespace, gateway) {
  const here = (text) => h('span', { 'aria-current': 'page' }, text);
  const parts = [namespace ? h('a', { href: path() }, 'Namespaces') : here('Namespaces')];
  if (namespace) parts.push(gateway ? h('a', { href: path({ namespace }) }, namespace) : here(namespace));
  if (gateway) parts.push(here(gateway));
  const back = gateway ? path({ namespace }) : path();
  return h('nav', { class: 'crumbs', 'aria-label': 'Where you are' }, namespace && h('a', { class: 'back', href: back }, '← Back'), h('ol', {}, parts.map((part) => h('li', {}, part))));
}

function namespaces(list) {
  const rows = list.map(({ namespace, gatewayCount }) => h('li', {}, h('a', { class: 'card-link', href: path({ namespace }) }, h('strong', {}, namespace), h('span', { class: 'label' }, count(gatewayCount, 'Gateway with a plan', 'Gateways with a plan')), h('span', { class: 'arrow', 'aria-hidden': 'true' }, '→'))));
  const none = h('p', { class: 'note' }, 'No Gateway carries a plan. Translate with ', h('code', {}, 'migrate'), ', apply the result with its dry-run mark, and switch the feature gate ', h('code', {}, 'IngressPlanAnnotation'), ' on.');
  return { content: [
    h('h2', {}, 'Compare Ingresses with their Gateways'),
    h('p', { class: 'label' }, 'Read with the current kubeconfig. Nothing is changed.'),
    list.length ? h('ul', { class: 'cards' }, rows) : none,
  ] };
}

function pills(summary) {
  return h('span', { class: 'pills' }, STATUSES.map((status) => h('span', { class: `pill ${status}` }, `${SIGNS[status]} ${summary[status]} ${status}`)));
}

function gateways(namespace, list) {
  const card = ({ name, error, migratedFrom, summary }) => {
    const inside = [h('strong', {}, name), h('span', { class: 'label' }, migratedFrom ?? 'source unknown'), error ? h('span', { class: 'pill bad' }, '✖ Error') : pills(summary)];
    return h('li', {}, error
      ? h('div', { class: 'card-link' }, inside, h('span', { class: 'message' }, error))
      : h('a', { class: 'card-link', href: path({ namespace, gateway: name }) }, inside, h('span', { class: 'arrow', 'aria-hidden': 'true' }, '→')));
  };
  return { content: [h('h2', {}, `Gateways in ${namespace}`), list.length ? h('ul', { class: 'cards' }, list.map(card)) : h('p', { class: 'note' }, 'No Gateway of this namespace carries a plan.')] };
}

/** Fields of one resource of both sides. */
function groupByResource(entries) {
  const resources = new Map();
  for (const entry of entries) {
    const key = [entry.resourceType, entry.correlationId, entry.ingressResourceId, entry.gatewayResourceId].join('\n');
    if (!resources.has(key)) resources.set(key, { key, type: entry.resourceType, id: entry.correlationId, ingress: entry.ingressResourceId, gateway: entry.gatewayResourceId, fields: [] });
    resources.get(key).fields.push(entry);
  }
  const place = ({ type }) => (ORDER.indexOf(shortType(type)) + ORDER.length + 1) % (ORDER.length + 1) || (ORDER.includes(shortType(type)) ? 0 : ORDER.length + 1);
  return [...resources.values()].sort((one, other) => place(one) - place(other) || one.key.localeCompare(other.key));
}

function comparison(namespace, gateway, diff) {
  const entries = diff.entries ?? [];
  let wanted = 'changed';
  let hidesKnown = true;
  const visible = () => entries.filter((entry) => !(hidesKnown && entry.known));
  const shown = () => visible().filter((entry) => wanted === 'all' || entry.status === wanted);
  const columns = h('div', { class: 'columns' });
  const buttons = new Map(['all', ...STATUSES].map((status) => [status, h('button', {
    type: 'button', class: `toggle ${status}`, 'data-status': status,
    click: () => {
      wanted = wanted === status && status !== 'all' ? 'all' : status;
      render();
    },
  })]));
  const hide = h('input', { type: 'checkbox', id: 'hide-known', checked: true, change: () => { hidesKnown = hide.checked; render(); } });
  const drawer = new Drawer();

  function render() {
    const all = visible();
    for (const [status, button] of buttons) {
      const number = status === 'all' ? all.length : all.filter((entry) => entry.status === status).length;
      button.textContent = `${status[0].toUpperCase()}${status.slice(1)} ${number}`;
      button.setAttribute('aria-pressed', String(status === wanted));
    }
    const resources = groupByResource(shown());
    columns.replaceChildren(side('Ingress model', 'ingress', resources), side('Gateway model', 'gateway', resources));
    if (!resources.length) columns.append(h('p', { class: 'note wide' }, wanted === 'changed' ? 'Nothing has changed that not every migration changes.' : 'There is nothing of this kind.'));
    say(`${count(resources.length, 'resource')} shown`);
    drawer.refresh(resources);
  }

  function side(title, name, resources) {
    const types = [...new Set(resources.map(({ type }) => type))];
    return h('section', { class: 'column', 'aria-label': title }, h('h3', {}, title), types.map((type) => h('div', { class: 'type' }, h('h4', {}, shortType(type)), resources.filter((resource) => resource.type === type).map((resource) => card(resource, name)))));
  }

  function card(resource, name) {
    const id = resource[name];
    if (!id) return h('div', { class: 'card absent' }, 'not there');
    const counts = STATUSES.map((status) => [status, resource.fields.filter((entry) => entry.status === status).length]).filter(([, number]) => number);
    return h('button', { type: 'button', class: 'card', click: (event) => drawer.open(resource, event.currentTarget) }, h('span', { class: 'name' }, id), h('span', { class: 'pills' }, counts.map(([status, number]) => h('span', { class: `pill ${status}` }, `${SIGNS[status]} ${number} ${status}`))));
  }

  const dialog = exporter(namespace, gateway, diff);
  render();
  return { close: () => drawer.close(), content: [
    h('h2', {}, `Ingress and Gateway ${namespace}/${gateway}`),
    h('div', { class: 'bar' }, h('div', { class: 'group', role: 'group', 'aria-label': 'Status' }, ...buttons.values()), h('label', { class: 'check' }, hide, 'Hide known changes'), h('span', { class: 'grow' }), h('button', { type: 'button', click: () => dialog.showModal() }, 'Export …')),
    h('div', { class: 'compare' }, columns, drawer.element),
    dialog,
  ] };
}

/** The fields of one resource. */
class Drawer {
  constructor() {
    this.element = h('aside', { class: 'drawer', hidden: true, 'aria-label': 'Fields', tabindex: '-1' });
    this.onKey = (event) => event.key === 'Escape' && !this.element.hidden && this.hide();
    document.addEventListener('keydown', this.onKey);
  }

  open(resource, opener) {
    this.opener = opener;
    this.key = resource.key;
    this.element.hidden = false;
    this.fill(resource);
    this.element.focus();
  }

  refresh(resources) {
    const resource = resources.find(({ key }) => key === this.key);
    if (resource) this.fill(resource);
    else this.hide();
  }

  hide() {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.key = undefined;
    if (this.opener?.isConnected) this.opener.focus();
  }

  fill(resource) {
    const handle = h('div', { class: 'handle', role: 'separator', 'aria-orientation': 'vertical', 'aria-label': 'Width of the fields', tabindex: '0', 'aria-valuenow': '40', pointerdown: (event) => this.drag(event), keydown: (event) => this.size(event) });
    const value = (entry, side) => (entry[side] === undefined ? h('span', { class: 'label' }, '–') : h('pre', {}, JSON.stringify(entry[side], null, 1)));
    const rows = resource.fields.map((entry) => h('tr', { class: entry.status }, h('th', { scope: 'row' }, entry.field), h('td', {}, value(entry, 'ingress')), h('td', {}, value(entry, 'gateway')), h('td', {}, h('span', { class: `pill ${entry.status}` }, `${SIGNS[entry.status]} ${entry.status}`), entry.knownCause && h('p', { class: 'label' }, `known: ${entry.knownCause}`))));
    this.element.replaceChildren(handle,
      h('div', { class: 'drawer-head' }, h('h3', {}, `${shortType(resource.type)} ${resource.id}`), h('button', { type: 'button', click: () => this.hide(), 'aria-label': 'Close the fields' }, '✕')),
      h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table of fields' }, h('table', {}, h('thead', {}, h('tr', {}, ['Field', 'Ingress', 'Gateway', 'Status'].map((name) => h('th', { scope: 'col' }, name)))), h('tbody', {}, rows))));
  }

  width(share) {
    const bounded = Math.max(20, Math.min(80, share));
    this.element.style.flexBasis = `${bounded}%`;
    this.element.querySelector('.handle')?.setAttribute('aria-valuenow', String(Math.round(bounded)));
    this.share = bounded;
  }

  drag(event) {
    event.preventDefault();
    const all = this.element.parentElement.getBoundingClientRect();
    const move = ({ clientX }) => this.width((100 * (all.right - clientX)) / all.width);
    document.addEventListener('pointermove', move);
    document.addEventListener('pointerup', () => document.removeEventListener('pointermove', move), { once: true });
  }

  size(event) {
    const step = { ArrowLeft: 5, ArrowRight: -5 }[event.key];
    if (step) this.width((this.share ?? 40) + step);
  }

  close() {
    document.removeEventListener('keydown', this.onKey);
  }
}

/** Asks before a file is written: it holds what the plans hold. */
function exporter(namespace, gateway, diff) {
  const stamp = () => new Date().toISOString();
  const html = () => download(`migration-report-${namespace}-${gateway}.html`, 'text/html', report(namespace, gateway, stamp(), diff));
  const json = () => download(`migration-diff-${namespace}-${gateway}.json`, 'application/json', JSON.stringify({ namespace, gateway, exportedAt: stamp(), diff }, null, 2));
  const close = (then) => () => {
    then?.();
    dialog.close();
  };
  const dialog = h('dialog', { 'aria-labelledby': 'export-title' }, h('h3', { id: 'export-title' }, 'Export the comparison'), h('p', {}, 'The file holds the whole of both plans: names, hosts, ARNs, security groups. Give it only to those who may know them.'), h('p', { class: 'buttons' }, h('button', { type: 'button', click: close(html) }, 'Export as HTML'), h('button', { type: 'button', click: close(json) }, 'Export as JSON'), h('button', { type: 'button', click: close() }, 'Cancel')));
  return dialog;
}
