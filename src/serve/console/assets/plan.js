// What would change in AWS, for the cluster as it is or for manifests that are not applied yet.

import { ask } from './api.js';
import { count, download, failure, h, prose, say } from './dom.js';

const SIGNS = { create: '+', delete: '-', wait: '.', change: '~' };
const EXAMPLE = 'Paste manifests here: Services, Ingresses, Gateways, routes and their configurations, as YAML or JSON.';

/** Opens the page. */
export function open(main) {
  const result = h('div', { class: 'result' });
  const text = h('textarea', { id: 'manifests', rows: '12', spellcheck: 'false', placeholder: EXAMPLE });
  const buttons = ['Plan the cluster', 'Lint and plan the manifests'].map((label, isManifests) => h('button', { type: 'button', class: isManifests ? '' : 'main', click: () => run(Boolean(isManifests)) }, label));

  async function run(isManifests) {
    if (isManifests && !text.value.trim()) {
      result.replaceChildren(failure('There are no manifests. Paste some, or plan the cluster.'));
      text.focus();
      return;
    }
    buttons.forEach((button) => { button.disabled = true; });
    result.replaceChildren(h('p', { class: 'label', role: 'status' }, 'Planning …'));
    try {
      const plan = await ask('/api/plan', isManifests ? { method: 'POST', body: text.value } : {});
      result.replaceChildren(...shown(plan).flat(Infinity).filter(Boolean));
      say(plan.summary ?? 'The plan is there');
    } catch (error) {
      result.replaceChildren(failure(error.message));
    } finally {
      buttons.forEach((button) => { button.disabled = false; });
    }
  }

  main.append(h('div', { class: 'page' },
    h('h2', {}, 'What would change in AWS'),
    h('p', { class: 'label' }, 'The plan that the controller would carry out. Nothing is changed; manifests are given to the API server as a dry run.'),
    h('label', { class: 'field', for: 'manifests' }, 'Manifests'), text,
    h('p', { class: 'buttons' }, buttons),
    result));
}

function shown(plan) {
  const { stacks = [], problems = [], notPlanned = [], sharedBackendSecurityGroup: shared = [], lint, failure: why } = plan;
  const changing = stacks.filter((stack) => stack.steps.length || stack.failure || stack.findings.length);
  return [
    lint && h('section', {}, h('h3', {}, 'Lint'), lint.length ? h('ul', { class: 'findings' }, lint.map(finding)) : h('p', { class: 'note good' }, '● No findings.')),
    why && failure(why),
    plan.summary && h('section', {},
      h('h3', {}, 'Plan'),
      h('p', { class: 'summary' }, h('strong', {}, plan.summary), ' ', plan.text && h('button', { type: 'button', click: () => download('plan.txt', 'text/plain', plan.text) }, 'Save as text')),
      notPlanned.map((name) => h('p', { class: 'label' }, `${name}: not planned, no load balancer is built from it`)),
      problems.length > 0 && h('ul', { class: 'findings' }, problems.map(finding)),
      shared.length > 0 && h('details', { class: 'stack', open: true }, h('summary', {}, 'Shared backend security group'), h('ol', { class: 'steps' }, shared.map((line) => h('li', {}, h('code', {}, line))))),
      changing.map(stack),
      !changing.length && !problems.length && h('p', { class: 'note good' }, `● Nothing would change, in ${count(stacks.length, 'stack')}.`)),
  ];
}

function finding({ severity, object, field, message, hint, line }) {
  return h('li', { class: severity }, h('strong', {}, severity === 'error' ? '✖ ' : '▲ ', object, field && ` ${field}`, line && ` (line ${line})`), ': ', prose(message), hint && h('span', { class: 'label' }, ' – ', prose(hint)));
}

function stack({ name, findings, failure: why, steps }) {
  const worst = steps.some(({ traffic }) => traffic?.level === 'loss') ? 'loss' : steps.some(({ traffic }) => traffic?.level === 'some') ? 'some' : 'none';
  const impact = { loss: ['✖', 'requests may be lost'], some: ['▲', 'requests are treated differently'], none: ['●', 'no effect on requests'] }[worst];
  return h('details', { class: 'stack', open: true },
    h('summary', {}, h('strong', {}, name), ` ${count(steps.length, 'change')} `, steps.length > 0 && h('span', { class: `impact ${worst}` }, `${impact[0]} ${impact[1]}`)),
    why && failure(why),
    findings.length > 0 && h('ul', { class: 'findings' }, findings.map(finding)),
    h('ol', { class: 'steps' }, steps.map(step)));
}

function step({ action, call, resource, why, details = {}, traffic }) {
  const rows = Object.entries(details);
  return h('li', { class: action },
    h('span', { class: 'sign', title: action }, SIGNS[action] ?? '~'), h('strong', {}, call), ` ${resource} `, why && h('span', { class: 'label' }, `(${why})`),
    traffic?.text && h('p', { class: `impact ${traffic.level}` }, traffic.level === 'loss' ? '✖ ' : '▲ ', traffic.text),
    rows.length > 0 && h('dl', { class: 'facts' }, rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)))));
}
