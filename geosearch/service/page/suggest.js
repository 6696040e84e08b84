// The search box: suggestions as one types, for keyboard and screen readers (ARIA combobox).

import { ask, drop } from './api.js';
import { dotted, find, h } from './dom.js';
import { placesText } from './list.js';
import { distance, say } from './words.js';

// Calls `type(text)` at each change and `choose(suggestion)` for a chosen one.
export function searchBox({ place, type, choose, submit }) {
  const input = find('#q'), list = find('#suggestions'), clear = find('#clear');
  let found = [], active = -1;

  function close() {
    drop('suggest');
    found = []; active = -1;
    list.hidden = true;
    list.replaceChildren();
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  }

  function activate(number) {
    active = number;
    [...list.children].forEach((node, at) => node.setAttribute('aria-selected', String(at === number)));
    if (number < 0) input.removeAttribute('aria-activedescendant');
    else input.setAttribute('aria-activedescendant', list.children[number].id);
  }

  function take(number) {
    const chosen = found[number];
    close();
    choose(chosen);
  }

  async function suggest() {
    const text = input.value.trim();
    if (!text) { close(); return; }
    const { lat, lng } = place();
    const asked = new URLSearchParams({ q: text.slice(0, 100), lat, lng, radius: 20000, limit: 7 });
    const answer = await ask('suggest', `/v1/suggest?${asked}`).catch(() => undefined);
    if (!answer || document.activeElement !== input) return;
    found = answer.suggestions;
    list.replaceChildren(...found.map((one, number) => h('li', {
      id: `suggestion-${number}`, role: 'option', ariaSelected: 'false',
      onpointerdown: (event) => event.preventDefault(), onclick: () => take(number),
    }, h('span.icon', { ariaHidden: 'true' }, ICONS[one.kind] ?? '●'), h('span.text', {}, ...highlighted(one)), h('span.facts', {}, dotted(one.other, placesText(one.count), distance(one.distance_m))))));
    list.hidden = !found.length;
    input.setAttribute('aria-expanded', String(found.length > 0));
    activate(-1);
  }

  function changed(event) {
    clear.hidden = !input.value;
    if (event?.isComposing) return;
    suggest();
    type(input.value);
  }

  input.addEventListener('input', changed);
  input.addEventListener('compositionend', () => changed());
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    const last = found.length - 1;
    if (event.key === 'ArrowDown' && last >= 0) activate(active === last ? -1 : active + 1);
    else if (event.key === 'ArrowUp' && last >= 0) activate(active === -1 ? last : active - 1);
    else if (event.key === 'Enter') { if (active >= 0) take(active); else { close(); submit(); } }
    else if (event.key === 'Escape') { if (list.hidden) { input.value = ''; changed(); } else close(); }
    else return;
    event.preventDefault();
  });
  clear.addEventListener('click', () => { input.value = ''; changed(); input.focus(); });
  find('#search').addEventListener('submit', (event) => event.preventDefault());

  return (text) => {
    if (input.value !== text) input.value = text;
    clear.hidden = !text;
  };
}

const ICONS = { category: '▦', area: '◎', brand: '★', merchant: '●' };

// The parts that were typed are marked; positions count characters, not UTF-16 units.
function highlighted({ text, highlight }) {
  const letters = [...text], nodes = [];
  let from = 0;
  for (const [begin, end] of highlight ?? []) {
    nodes.push(letters.slice(from, begin).join(''), h('mark', {}, letters.slice(begin, end).join('')));
    from = end;
  }
  return [...nodes, letters.slice(from).join('')].filter(Boolean);
}
