// The filters above the list: each shows its value on its chip, and opens a sheet to change it.

import { dotted, find, h } from './dom.js';
import { categoryName, feeText, placesText } from './list.js';
import { wallClock, withoutFilters } from './state.js';
import { count, dayAndMonth, distance, languageNow, majorUnits, minorUnits, money, say, weekday } from './words.js';

const RADII = [300, 500, 1000, 1500, 2000, 3000, 5000, 10000, 20000, 50000];
const DAYS_AHEAD = 7, MOST_CATEGORIES = 12;
// Budgets of a slider: fine steps for a snack, wide ones for a banquet; the last one is no limit.
const BUDGETS = Array.from({ length: 40 }, (_, step) => (step < 20 ? 5 * (step + 1) : step < 30 ? 100 + 20 * (step - 19) : 300 + 70 * (step - 29)));

export function filters(page, change) {
  find('#open').addEventListener('change', (event) => change({ open: event.target.checked ? 'now' : 'any' }));
  find('#now').addEventListener('click', () => change({ at: '' }));
  find('#time').addEventListener('input', (event) => {
    const minutes = Number(event.target.value), two = (number) => String(Math.floor(number)).padStart(2, '0');
    change({ at: `${(page.state.at || today(page)).slice(0, 10)}T${two(minutes / 60)}:${two(minutes % 60)}` });
  });
  find('#fewer').addEventListener('click', () => change({ party_size: Math.max(1, page.state.party_size - 1) }));
  find('#more').addEventListener('click', () => change({ party_size: Math.min(99, page.state.party_size + 1) }));
  find('#budget').addEventListener('input', (event) => {
    const major = BUDGETS[event.target.value - 1];
    change({ max_pay: major === undefined ? null : minorUnits(major) });
  });
  find('#radius').addEventListener('input', (event) => change({ radius: RADII[event.target.value] }));
  for (const name of ['sort', 'deals']) find(`#${name}`).addEventListener('change', (event) => change({ [name]: event.target.value }));
  find('#min_rating').addEventListener('change', (event) => change({ min_rating: event.target.value ? Number(event.target.value) : null }));
  find('#stacking').addEventListener('change', (event) => change({ stacking: event.target.checked ? 'on' : 'off' }));
  find('#stacking-row').hidden = !page.can('stacking');
  find('#reset').addEventListener('click', () => {
    change(withoutFilters(page.state));
  });
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') closeSheets(true); });
  document.addEventListener('pointerdown', (event) => { if (!event.target.closest('#filters')) closeSheets(false); });
}

function closeSheets(refocus) {
  const sheet = find('#filters details[open]');
  sheet?.removeAttribute('open');
  if (refocus) sheet?.querySelector('summary').focus();
}

const today = (page) => wallClock(Date.now(), page.index.time_zone);

// Shows the state on all controls.
export function showFilters(page, change) {
  const { state } = page, at = state.at || today(page);
  const time = state.at ? `${dayName(at, page)} ${at.slice(11)}` : say('now');
  const shown = state.open === 'now' ? time : state.at ? say('alsoClosed', { t: time }) : say('anyHours');
  chip('#when', shown, Boolean(state.at) || state.open === 'any');
  showDays(page, at, change);
  slider('#time', Number(at.slice(11, 13)) * 60 + Math.floor(Number(at.slice(14)) / 15) * 15, at.slice(11));
  find('#open').checked = state.open === 'now';
  const held = state.cards.map((id) => page.programs.get(id)?.name ?? id);
  chip('#wallet', held.length > 1 ? say('cardsHeld', { n: held.length }) : held[0] ?? say('cards'), held.length > 0);
  showCards(page, change);
  const people = state.party_size === 1 ? say('person') : say('people', { n: state.party_size });
  chip('#party', state.max_pay === null ? people : `${people}, ≤ ${money(state.max_pay)}`, state.party_size > 1 || state.max_pay !== null);
  find('#people').value = String(state.party_size);
  const major = state.max_pay === null ? Infinity : majorUnits(state.max_pay);
  slider('#budget', BUDGETS.filter((step) => step < major).length + 1, state.max_pay === null ? say('noLimit') : money(state.max_pay));
  chip('#others', `${say(state.sort)}, ${distance(state.radius)}`, state.sort !== 'best' || state.deals !== 'optional' || state.min_rating !== null || state.stacking === 'on');
  options('#sort', ['best', 'distance', 'saving', 'rating', ...(state.q ? ['relevance'] : [])], state.sort);
  options('#deals', ['optional', 'any', ...(state.cards.length ? ['card', 'card_best'] : [])], state.deals);
  options('#min_rating', ['', '3.5', '4', '4.5'], String(state.min_rating ?? ''), (text) => (text ? say('stars', { n: text }) : say('anyRating')));
  slider('#radius', RADII.findLastIndex((step) => step <= state.radius), distance(state.radius));
  find('#stacking').checked = state.stacking === 'on';
}

function chip(selector, text, isSet) {
  const summary = find(`${selector} summary`);
  summary.textContent = text;
  summary.classList.toggle('set', isSet);
}

function slider(selector, value, text) {
  find(selector).value = value;
  find(selector).setAttribute('aria-valuetext', text);
  find(`${selector}-text`).value = text;
}

// Whether a part has to be made again; most changes, such as a key that is typed, leave it as it is.
export function isNew(node, ...shown) {
  const key = JSON.stringify([languageNow(), ...shown]);
  const differs = node.dataset.shown !== key;
  node.dataset.shown = key;
  return differs;
}

export function options(selector, values, chosen, text = say) {
  if (!isNew(find(selector), values, chosen)) return;
  find(selector).replaceChildren(...values.map((value) => h('option', { value, selected: value === chosen }, text(value))));
}

function dayName(day, page) {
  const ahead = Math.round((Date.parse(`${day.slice(0, 10)}T00:00Z`) - Date.parse(`${today(page).slice(0, 10)}T00:00Z`)) / 864e5);
  return ahead === 0 ? say('today') : ahead === 1 ? say('tomorrow') : ahead > 0 && ahead < DAYS_AHEAD ? weekday(day) : dayAndMonth(day.slice(0, 10));
}

function showDays(page, at, change) {
  const first = Date.parse(`${today(page).slice(0, 10)}T00:00Z`);
  const days = Array.from({ length: DAYS_AHEAD }, (_, number) => new Date(first + number * 864e5).toISOString().slice(0, 10));
  if (!isNew(find('#days'), days, at)) return;
  const kept = focusedName();
  find('#days').replaceChildren(...days.map((day) => h('label', {},
    h('input', { type: 'radio', name: 'day', value: day, checked: day === at.slice(0, 10), id: `day-${day}`, onchange: () => change({ at: `${day}T${at.slice(11)}` }) }),
    h('span', {}, weekday(day), h('small', {}, dayAndMonth(day))))));
  refocus(kept);
}

function showCards(page, change) {
  if (!isNew(find('#cards'), page.state.cards)) return;
  const held = new Set(page.state.cards), kept = focusedName();
  const toggle = (id) => change({ cards: held.has(id) ? page.state.cards.filter((one) => one !== id) : [...page.state.cards, id] });
  const unknown = page.state.cards.filter((id) => !page.programs.has(id)).map((id) => ({ program_id: id, name: id, status: 'UNKNOWN' }));
  const isActive = ({ status }) => status === 'ACTIVE';
  find('#cards').replaceChildren(...[...page.programs.values(), ...unknown].sort((a, b) => isActive(b) - isActive(a)).map((program) => h('li', {},
    h('label', { className: 'check' },
      h('input', { type: 'checkbox', id: `card-${program.program_id}`, checked: held.has(program.program_id), onchange: () => toggle(program.program_id) }),
      h('span', {}, h('b', {}, program.name), ' ', h('small', {}, program.status === 'UNKNOWN' ? say('unknownCard') : dotted(feeText(program.fee), placesText(program.merchants), !isActive(program) && say('notActive'))),
        program.how_to_redeem ? h('div', {}, h('small', {}, program.how_to_redeem)) : null)))));
  refocus(kept);
}

// A control that is made anew keeps the focus.
const focusedName = () => document.activeElement?.id;
const refocus = (id) => { if (id && document.activeElement?.id !== id) document.getElementById(id)?.focus({ preventScroll: true }); };

// Categories with their counts: the widest ones, or those below the chosen one, and the zone.
export function showCategories(page, counts, change) {
  const { state } = page, chosen = state.categories[0], kept = focusedName();
  const depth = chosen ? chosen.split('.').length : 0;
  const below = Object.entries(counts).filter(([path]) => path.split('.').length === depth + 1 && (!chosen || path.startsWith(`${chosen}.`)));
  const parts = below.sort((a, b) => b[1] - a[1]).slice(0, MOST_CATEGORIES).map(([path, number]) => choice(`category-${path}`, categoryName(path, page), number, false, () => change({ categories: [path] })));
  const up = state.categories.map((path) => choice('category-chosen', `${categoryName(path, page)} ×`, counts[path], true, () => change({ categories: parentOf(path) })));
  const zone = state.zone ? [choice('zone-chosen', `${say('zone', { name: page.zoneName(state.zone) })} ×`, undefined, true, () => change({ zone: '' }))] : [];
  find('#categories').replaceChildren(...zone, ...up, ...parts);
  find('#categories').lang = languageNow();
  refocus(kept);
}

const parentOf = (path) => (path.includes('.') ? [path.slice(0, path.lastIndexOf('.'))] : []);

function choice(id, text, number, isOn, onclick) {
  return h('button', { type: 'button', id, ariaPressed: String(isOn), onclick }, text, number === undefined ? null : h('small', {}, count(number)));
}
