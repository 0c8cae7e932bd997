// The API of the console. The token comes in the fragment of the URL, is taken out of it at once, and lives as long as the tab.

const KEY = 'console-token';

/** Takes the token out of the URL, so that it is in no history. Answers whether there was one. */
export function takeToken() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found) return false;
  sessionStorage.setItem(KEY, found[1]);
  history.replaceState(null, '', location.pathname + location.search);
  return true;
}

function headers() {
  const token = sessionStorage.getItem(KEY);
  return token ? { 'x-console': '1', authorization: `Bearer ${token}` } : { 'x-console': '1' };
}

async function told(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text || `the console answered ${response.status}`;
  }
}

/** Asks for JSON. Errors are sentences. */
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: headers(), credentials: 'omit' });
  } catch {
    throw new Error('The console does not answer. Is it still running?');
  }
  if (!response.ok) throw new Error(await told(response));
  return response.json();
}

/** Follows server-sent events for ever: `on(name, data)`; `state(word, why)` with `live`, `connecting` or `lost`. Answers how to end it. */
export function follow(path, on, state) {
  const end = new AbortController();
  const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
  (async () => {
    for (let attempt = 0; !end.signal.aborted; attempt += 1) {
      try {
        const response = await fetch(path, { headers: headers(), credentials: 'omit', signal: end.signal });
        if (!response.ok) throw new Error(await told(response));
        attempt = 0;
        await read(response.body.getReader(), on);
        state('connecting');
      } catch (error) {
        if (end.signal.aborted) return;
        state('lost', error instanceof TypeError ? 'The console does not answer. Is it still running?' : error.message);
      }
      await wait(Math.min(10, 1 + attempt));
    }
  })();
  return () => end.abort();
}

async function read(reader, on) {
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + decoder.decode(value, { stream: true })).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const name = /^event: (.*)$/m.exec(event)?.[1];
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (name) on(name, JSON.parse(data));
    }
  }
}
