// Calls of the public routes. Each channel has one question at a time: a new question drops the
// answer of the one before it, however late that comes.

export class Problem extends Error {
  constructor(status, code, detail, errors = []) {
    super(detail);
    Object.assign(this, { status, code, errors });
  }
}

const channels = new Map();

// Returns the answer; undefined if a newer question on the channel has replaced this one.
export async function ask(channel, path, body) {
  channels.get(channel)?.abort();
  const controller = new AbortController();
  channels.set(channel, controller);
  try {
    const answer = await call(path, body, controller.signal);
    return channels.get(channel) === controller ? answer : undefined;
  } catch (error) {
    if (channels.get(channel) !== controller) return undefined;
    throw error;
  }
}

export const drop = (channel) => { channels.get(channel)?.abort(); channels.delete(channel); };

export async function call(path, body, signal) {
  const headers = { accept: 'application/json' };
  if (body) headers['content-type'] = 'application/json';
  let response;
  try {
    response = await fetch(`.${path}`, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    throw new Problem(0, 'unreachable', error.message);
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Problem(response.status, answer.code ?? 'fault', answer.detail ?? response.statusText, answer.errors);
}

export function asCurl(body) {
  const text = JSON.stringify(body, null, 1).replaceAll("'", "'\\''");
  return `curl '${new URL('./v1/nearby', document.baseURI)}' -H 'content-type: application/json' -d '${text}'`;
}
