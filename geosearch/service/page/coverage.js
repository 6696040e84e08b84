// Where a card beats the public price: the cells of `geosearch coverage` in colours, for one card
// and one slot of time, with a legend. Only where the service has such a file.

import { ask } from './api.js';
import { isNew, options } from './controls.js';
import { dotted, find, h } from './dom.js';
import { count, distance, money, percent, say } from './words.js';

const CITY_M = 8000;
// Upper ends of the classes of colours: the same for all cards and slots, so that they compare.
export const SHARES = [0, 0.02, 0.05, 0.1, 0.2];

export function coverageLayer(path, page, change) {
  let answer = null, asked = '';

  async function load(values) {
    const url = `${path}?${new URLSearchParams(values)}`;
    if (url === asked) return;
    asked = url;
    try {
      answer = await ask('coverage', url) ?? answer;
    } catch (error) {
      answer = null; asked = '';
      find('#coverage').hidden = false;
      find('#cell').textContent = error.message;
    }
  }

  async function toggle() {
    if (!find('#coverage').hidden) { find('#coverage').hidden = true; change({ coverage: '', slot: '' }); return; }
    if (!answer) await load({});
    if (!answer) return;
    change({ coverage: page.state.cards.find((id) => answer.program_ids.includes(id)) ?? answer.program_id, slot: answer.slot });
    page.map.fit({ ...page.state, radius: CITY_M });
  }

  async function show() {
    const { coverage, slot } = page.state;
    find('#coverage').hidden = !coverage;
    find('#coverage-toggle').ariaPressed = String(Boolean(coverage));
    if (coverage) await load(slot ? { program_id: coverage, slot } : { program_id: coverage });
    if (!isNew(find('#coverage'), coverage && answer && [answer.program_id, answer.slot])) return;
    page.map.showCells(coverage ? answer : null);
    if (!coverage || !answer) return;
    options('#coverage-card', answer.program_ids, answer.program_id, (id) => page.programs.get(id)?.name ?? id);
    options('#coverage-slot', answer.slots, answer.slot, slotName);
    find('#shares').replaceChildren(...SHARES.map((share, at) => swatch(at, at ? `≤ ${percent(share)}` : percent(0))), swatch(SHARES.length, `> ${percent(SHARES.at(-1))}`));
    showCell(null);
  }

  // The figures of a cell; those of all without one.
  function showCell(id) {
    if (!answer) return;
    const sum = (name) => answer.features.reduce((total, { properties }) => total + properties[name], 0);
    const cell = id && answer.features.find(({ properties }) => properties.cell === id)?.properties;
    const { open, wins, name, gain_mean: gain, third_m: third } = cell || { open: sum('open'), wins: sum('wins') };
    find('#cell').textContent = dotted(name, say('wins', { p: percent(open ? wins / open : 0), n: count(Math.round(open)) }),
      gain && say('gains', { m: money(Math.round(gain)) }), third && say('third', { d: distance(third) }));
  }

  find('#coverage-toggle').hidden = false;
  for (const id of ['#coverage-toggle', '#coverage-close']) find(id).addEventListener('click', toggle);
  find('#coverage-card').addEventListener('change', (event) => change({ coverage: event.target.value }));
  find('#coverage-slot').addEventListener('change', (event) => change({ slot: event.target.value }));
  return { show, showCell };
}

function swatch(number, text) {
  const colour = h('i');
  colour.style.background = `var(--share-${number})`;
  return h('li', {}, colour, text);
}

// Slots have a name of the page, or the one that they were counted with.
function slotName(slot) {
  return say(`slot_${slot}`).replace(/^slot_/, '').replaceAll('_', ' ');
}
