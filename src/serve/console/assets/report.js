// A comparison as a page of its own, for a ticket or a review.

const escape = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** The text of the page. */
export function report(namespace, gateway, exportedAt, diff) {
  const value = (given) => (given === undefined ? '–' : `<pre>${escape(JSON.stringify(given, null, 1))}</pre>`);
  const row = (entry) => `<tr class="${escape(entry.status)}"><td>${escape(entry.resourceType)}</td><td>${escape(entry.correlationId)}</td><td>${escape(entry.field)}</td><td>${value(entry.ingress)}</td><td>${value(entry.gateway)}</td><td>${escape(entry.status)}${entry.knownCause ? `<br>known: ${escape(entry.knownCause)}` : ''}</td></tr>`;
  const { same, changed, removed, added } = diff.summary;
  const name = `${escape(namespace)}/${escape(gateway)}`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Migration of ${name}</title>
<style>body{font:14px/1.4 system-ui,sans-serif;margin:2em}table{border-collapse:collapse;width:100%}td,th{border:1px solid #bbb;padding:.3em .5em;text-align:left;vertical-align:top}pre{margin:0;white-space:pre-wrap;word-break:break-all}.changed td:last-child{background:#fff3cd}.added td:last-child{background:#d9f2df}.removed td:last-child{background:#f9dcdc}</style>
<h1>Migration of ${name}</h1><p>${escape(exportedAt)} · ${same} same, ${changed} changed, ${removed} removed, ${added} added</p>
<table><thead><tr><th>Type<th>Resource<th>Field<th>Ingress<th>Gateway<th>Status</thead><tbody>${(diff.entries ?? []).map(row).join('\n')}</tbody></table></html>`;
}
