// The frame: pages by path, theme, keys.

import { ask, takeToken } from './api.js';
import { h, say } from './dom.js';
import * as migrate from './migrate.js';
import * as plan from './plan.js';
import * as topology from './topology.js';
import * as usage from './usage.js';

const PAGES = { topology: ['Topology', topology], plan: ['Plan', plan], migrate: ['Migrate', migrate], usage: ['Cost and limits', usage] };
let leave = () => {};

function pageOf(url) {
  const name = url.pathname.slice(1);
  if (name in PAGES) return name;
  return url.searchParams.has('namespace') ? 'migrate' : 'topology';
}

function show() {
  const url = new URL(location.href);
  const name = pageOf(url);
  const [title, page] = PAGES[name];
  leave();
  for (const link of document.querySelectorAll('nav a')) {
    if (link.dataset.page === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${title} – AWS Load Balancer Controller`;
  const main = document.getElementById('main');
  main.className = `page-${name}`;
  main.replaceChildren(h('h1', { class: 'unseen' }, title));
  leave = page.open(main, url, go) ?? (() => {});
}

/** Goes to a path of this page. */
function go(path) {
  history.pushState(null, '', path);
  show();
  document.getElementById('main').focus({ preventScroll: true });
}

function onClick(event) {
  const link = event.target.closest?.('a[href^="/"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0 || link.download) return;
  event.preventDefault();
  go(link.getAttribute('href'));
}

function onKey(event) {
  const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey) {
    const field = document.querySelector('input[type=search]');
    if (field) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  }
}

function theme() {
  const select = document.getElementById('theme');
  const apply = () => {
    if (select.value) document.documentElement.dataset.theme = select.value;
    else delete document.documentElement.dataset.theme;
  };
  select.value = localStorage.getItem('console-theme') ?? '';
  select.addEventListener('change', () => {
    localStorage.setItem('console-theme', select.value);
    apply();
  });
  apply();
}

async function about() {
  try {
    const { version, cluster, region, leads } = await ask('/api/about');
    const parts = [cluster, region, leads === false && 'this replica does not lead', version && `version ${version}`];
    document.getElementById('about').textContent = parts.filter(Boolean).join(' · ');
  } catch (error) {
    say(error.message);
  }
}

takeToken();
theme();
window.addEventListener('hashchange', () => {
  if (!takeToken()) return;
  show();
  about();
});
window.addEventListener('popstate', show);
document.addEventListener('click', onClick);
document.addEventListener('keydown', onKey);
show();
about();
