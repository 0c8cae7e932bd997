// What load balancers cost and how near quotas are.

import { ask } from './api.js';
import { count, failure, h, prose } from './dom.js';

/** Opens the page. */
export function open(main) {
  const body = h('div', { class: 'page' }, h('h2', {}, 'Cost and limits'), h('p', { class: 'label', role: 'status' }, 'Reading …'));
  main.append(body);
  ask('/api/usage').then((usage) => body.lastChild.replaceWith(...shown(usage)), (error) => body.lastChild.replaceWith(failure(error.message)));
}

function table(caption, heads, rows) {
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption }, h('table', {}, h('caption', {}, caption), h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, rows.map(([first, ...rest]) => h('tr', {}, h('th', { scope: 'row' }, first), rest.map((cell) => h('td', {}, cell)))))));
}

function gauge({ used, limit }) {
  const share = limit ? used / limit : 0;
  const level = share >= 0.9 ? 'loss' : share >= 0.7 ? 'some' : 'none';
  return [h('meter', { min: '0', max: String(limit), value: String(used), low: String(limit * 0.7), high: String(limit * 0.9), optimum: '0', 'aria-label': `${used} of ${limit}` }), h('span', { class: `impact ${level}` }, ` ${{ loss: '✖', some: '▲', none: '●' }[level]} ${used.toLocaleString('en')} of ${limit.toLocaleString('en')}`)];
}

function shown({ namespaces, quotas, shareable, notes = [] }) {
  const total = namespaces.reduce((sum, { application, network }) => sum + application + network, 0);
  return [
    h('p', { class: 'summary' }, h('strong', {}, count(total, 'load balancer')), ` in ${count(namespaces.length, 'namespace')}. Every load balancer costs by the hour, used or not.`),
    h('p', { class: 'label' }, 'Counted of what is wanted. The limits are those that an account begins with; yours may be higher.'),
    notes.map((note) => h('p', { class: 'note' }, prose(note))),
    table('Load balancers by namespace', ['Namespace', 'Application', 'Network', 'Target groups'], namespaces.map(({ namespace, application, network, targetGroups }) => [namespace || '(explicit Ingress groups)', application, network, targetGroups.toLocaleString('en')])),
    table('Quotas, the most used first', ['Quota', 'Of', 'Used'], quotas.map(({ name, of, used, limit }) => [name, of, gauge({ used, limit })])),
    h('h3', {}, 'Ingresses that could share a load balancer'),
    shareable.length
      ? shareable.map(({ why, members, saved }) => h('section', { class: 'share' }, h('p', {}, h('strong', {}, `${count(saved, 'load balancer')} fewer`), `: ${why}`), h('ul', { class: 'members' }, members.map((member) => h('li', {}, member)))))
      : h('p', { class: 'note good' }, '● None: those that are alike share one already.'),
    h('p', { class: 'label' }, 'Put the same ', h('code', {}, 'alb.ingress.kubernetes.io/group.name'), ' on Ingresses to have them share a load balancer. They then share its security groups, its certificates and its fate; members of a group can take rules from each other, so only do so where you trust whoever may write to these namespaces.'),
  ].flat().filter(Boolean);
}
