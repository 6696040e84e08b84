// The page: one state, which the fragment of the URL keeps; list and map show the answer to it.

import { asCurl, ask, call } from './api.js';
import { coverageLayer } from './coverage.js';
import { filters, showCategories, showFilters } from './controls.js';
import { dotted, find, h } from './dom.js';
import { resultItem, rewordingText, statusText } from './list.js';
import { shopView } from './shop.js';
import { DEFAULTS, readFragment, searchBody, withoutFilters, writeFragment } from './state.js';
import { searchBox } from './suggest.js';
import { browserLanguage, distance, languageNow, say, setCurrency, setLanguage } from './words.js';

const PAGE_SIZE = 30, NEAR_MISSES = 5, RETRY_MS = 2000, SLOW_MS = 300, MAP_MS = 100, WIDER = [1000, 3000, 10000, 30000, 50000];
const UNASKED = ['shop', 'coverage', 'slot']; // They change the page, and not the question.
const page = {
  state: readFragment(location.hash), index: null, programs: new Map(), categories: new Map(), zones: new Map(),
  hits: [], misses: [], answer: null, at: '', home: null, map: null, box: null, coverage: null,
  can: () => false, zoneName: (id) => page.zones.get(id) ?? id,
};

async function start() {
  setLanguage(localStorage.getItem('language') ?? browserLanguage());
  find('#language').addEventListener('click', switchLanguage);
  find('#toggle').addEventListener('click', () => show(document.body.dataset.show === 'list' ? 'map' : 'list'));
  show('list');
  const [openapi, welcome, index, programs, categories] = await untilReady(() => Promise.all(
    ['/openapi.json', '/', '/v1/index', '/v1/programs', '/v1/categories'].map((path) => call(path))));
  page.can = (name) => name in openapi.components.schemas.Query.properties;
  page.index = index;
  page.programs = new Map(programs.programs.map((one) => [one.program_id, one]));
  page.categories = new Map(categories.categories.map((one) => [one.category_id, one]));
  setCurrency(index.currency);
  page.home = homeOf(welcome.links.example, index.bounds);
  page.state = located(page.state);
  filters(page, change);
  page.box = searchBox({ place: () => page.state, type: (q) => change({ q }), choose, submit: () => search() });
  listen();
  document.body.dataset.ready = '';
  showState();
  await Promise.all([search(), startMap(welcome.links)]);
  if (page.state.shop) openShop(page.state.shop);
}

// Asks again while the service starts; says what it says meanwhile.
async function untilReady(question) {
  for (;;) {
    try {
      const answer = await question();
      notice('');
      return answer;
    } catch (error) {
      if (error.status && error.status !== 503) { notice(error.message); throw error; }
      notice(error.status ? `${say('notReady')} ${error.message}` : say('unreachable'));
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
    }
  }
}

function homeOf(example, bounds) {
  const asked = new URLSearchParams(example?.split('?')[1]), [west, south, east, north] = bounds ?? [0, 0, 0, 0];
  return example ? { lat: Number(asked.get('lat')), lng: Number(asked.get('lng')) } : { lat: (south + north) / 2, lng: (west + east) / 2 };
}

async function startMap(links) {
  const { groundMap, hasWebGL } = await import('./map.js');
  if (!hasWebGL()) { find('#map').append(h('p.note', {}, say('noMap'))); return; }
  page.map = await groundMap({
    container: 'map', center: [page.state.lng, page.state.lat], basemap: links.basemap && new URL(`.${links.basemap}`, document.baseURI).href,
    onPick: (id) => change({ shop: id }), onHover: (id) => highlight(id, false), onCell: (id) => page.coverage?.showCell(id), onGround: groundMenu, onMoved: offerSearch,
    onZones: (zones) => { for (const zone of zones) page.zones.set(zone.zone_id, zone.name); if (page.state.zone && page.answer) showAnswer(); },
  });
  find('#credits').title = say('ground');
  if (links.coverage) (page.coverage = coverageLayer(links.coverage, page, change)).show();
  const ready = () => { page.map.showCircle(page.state); page.map.showResults(page.hits, page.misses); };
  page.map.fit(page.state);
  page.map.map.once('style.load', ready);
  ready();
  const land = await call(links.land).catch(() => null);
  if (land) page.map.showLand(land);
  find('#credits').textContent = dotted(land && say('attribution'), await page.map.credits);
}

function listen() {
  window.addEventListener('popstate', () => {
    page.state = located(readFragment(location.hash));
    showState(); search(); openShop(page.state.shop);
  });
  // An answer to "now" that was left alone is old.
  document.addEventListener('visibilitychange', () => { if (!document.hidden && !page.state.at && page.hits.length <= PAGE_SIZE) search(); });
  find('#results').addEventListener('click', (event) => {
    const item = event.target.closest('[data-id]');
    if (item) change({ shop: item.dataset.id });
  });
  for (const kind of ['pointerover', 'focusin']) find('#results').addEventListener(kind, (event) => highlight(event.target.closest('[data-id]')?.dataset.id ?? null, true));
  find('#back').addEventListener('click', () => (history.state?.opened ? history.back() : change({ shop: '' })));
  find('#next').addEventListener('click', nextPage);
  find('#curl').addEventListener('click', copyCurl);
  find('#zones').addEventListener('change', (event) => page.map?.zonesVisible(event.target.checked));
  for (const [id, step] of [['#zoom-in', 1], ['#zoom-out', -1]]) find(id).addEventListener('click', () => page.map?.zoom(step));
  find('#position').addEventListener('click', myPosition);
  find('#search-area').addEventListener('click', () => { find('#search-area').hidden = true; change({ ...page.map.view(), zone: '' }, { fit: false }); });
}

const located = (state) => (state.lat === null || state.lng === null ? { ...state, ...page.home } : state);

// The one way in which anything changes.
function change(values, { fit = true } = {}) {
  const before = page.state;
  page.state = { ...before, ...values };
  const opened = page.state.shop && page.state.shop !== before.shop;
  write(opened ? 'pushState' : 'replaceState', opened ? { opened } : history.state);
  if (page.state.shop !== before.shop) openShop(page.state.shop);
  const names = Object.keys(values).filter((name) => !UNASKED.includes(name) && String(before[name]) !== String(page.state[name]));
  if (values.coverage) show('map');
  if (names.length) refresh(); else page.coverage?.show();
  if (fit && names.some((name) => ['lat', 'lng', 'radius'].includes(name))) page.map?.fit(page.state);
}

// Safari allows 100 writes in 30 seconds, which a slider exceeds.
function write(how, entry) {
  try { history[how](entry, '', writeFragment(page.state)); } catch { setTimeout(() => write('replaceState', history.state), RETRY_MS); }
}

// Shows the state, and asks anew.
function refresh() {
  showState();
  search();
  if (page.state.shop) openShop(page.state.shop, true);
}

function showState() {
  page.box(page.state.q);
  showFilters(page, change);
  page.map?.showCircle(page.state);
  page.map?.chooseZone(page.state.zone);
  page.coverage?.show();
}

const bodyOf = () => searchBody(page.state, page.index, page.can, languageNow());

async function search() {
  const body = { ...bodyOf(), limit: PAGE_SIZE, total: true, facets: ['category'], near_misses: NEAR_MISSES };
  const slow = setTimeout(() => { find('#status').textContent = say('loading'); }, SLOW_MS);
  try {
    const answer = await busy('#results', ask('search', '/v1/nearby', body));
    if (!answer) return;
    Object.assign(page, { answer, at: answer.at, hits: answer.results, misses: answer.near_misses ?? [] });
    notice(rewordingText(answer), 'info');
    showAnswer();
  } catch (error) {
    refused(error, search);
  } finally {
    clearTimeout(slow);
  }
}

// A section is busy while one of its questions has no answer.
async function busy(selector, question) {
  const node = find(selector), asking = (by) => {
    node.dataset.asking = Number(node.dataset.asking ?? 0) + by;
    node.ariaBusy = String(node.dataset.asking !== '0');
  };
  asking(1);
  try { return await question; } finally { asking(-1); }
}

async function nextPage() {
  const { hits, answer } = page;
  try {
    const more = await busy('#results', ask('search', '/v1/nearby', { ...bodyOf(), limit: PAGE_SIZE, cursor: answer.next_cursor }));
    if (!more) return;
    page.hits = [...hits, ...more.results];
    page.answer = { ...answer, next_cursor: more.next_cursor };
    showAnswer();
    find(`#hits > :nth-child(${hits.length + 1}) button`)?.focus();
  } catch (error) {
    refused(error, search);
  }
}

// An error's sentence is shown as it came; what may pass is asked again.
function refused(error, again) {
  const passes = !error.status || error.status === 503;
  notice(error.status ? error.message : '');
  if (!passes) { Object.assign(page, { answer: null, hits: [], misses: [] }); showAnswer(); return; }
  find('#status').textContent = say(error.status ? 'notReady' : 'unreachable');
  setTimeout(again, RETRY_MS);
}

function notice(text, kind = 'problem') {
  const node = find('#notice');
  node.className = kind;
  node.hidden = !text;
  if (node.textContent !== text) node.textContent = text;
}

function showAnswer() {
  const { answer, hits, misses } = page;
  const focused = document.activeElement.closest('#hits [data-id]')?.id;
  find('#status').textContent = answer ? statusText(answer) : say('problem');
  find('#hits').replaceChildren(...hits.map((hit, at) => resultItem(hit, at + 1, page)));
  if (focused) document.getElementById(focused)?.querySelector('button').focus({ preventScroll: true });
  find('#next').hidden = !answer?.next_cursor;
  find('#misses').hidden = !misses.length;
  find('#misses ol').replaceChildren(...misses.map((miss) => resultItem(miss, 0, page)));
  showCategories(page, answer?.facets?.category ?? {}, change);
  showEmpty(answer);
  // The list first; marks of answers that soon have another are not drawn.
  clearTimeout(page.drawing);
  page.drawing = setTimeout(() => page.map?.showResults(page.hits, page.misses), MAP_MS);
  if (answer?.around) { page.map?.showCircle({ ...answer.around, radius: page.state.radius }); page.map?.fit({ ...answer.around, radius: page.state.radius }); }
}

function showEmpty(answer) {
  const node = find('#empty'), beyond = answer?.outside_coverage, wider = WIDER.find((radius) => radius > page.state.radius);
  node.hidden = page.hits.length > 0;
  if (node.hidden) return;
  const { q, open, at } = page.state, button = (text, values) => h('button', { type: 'button', onclick: () => change(values) }, text);
  node.replaceChildren(...(beyond
    ? [h('b', {}, say('outside')), h('p.note', {}, beyond.detail), button(say('back'), { ...page.home, radius: DEFAULTS.radius, zone: '' })]
    : [answer && h('b', {}, say('nothing')), answer && q ? button(say('withoutText', { q }), { q: '' }) : '',
      answer && wider ? button(say('wider', { r: distance(wider) }), { radius: wider, zone: '' }) : '', answer && open === 'now' ? button(say('anyTime'), { open: 'any' }) : '',
      !answer && at ? button(say('backToNow'), { at: '' }) : '', button(say('reset'), withoutFilters(page.state))].filter(Boolean)));
}

async function openShop(id, isAgain = false) {
  find('#shop').hidden = !id;
  for (const selector of ['#results', '#bar']) find(selector).hidden = Boolean(id);
  page.map?.choose(id || null);
  if (!id) {
    document.getElementById(`hit-${page.shown}`)?.querySelector('button').focus();
    return;
  }
  if (!isAgain) { show('list'); find('#shop-view').replaceChildren(h('p.note', {}, say('loading'))); }
  try {
    const shown = await busy('#shop', shopView(id, bodyOf(), page));
    if (!shown || page.state.shop !== id) return;
    page.shown = id;
    find('#shop-view').replaceChildren(...shown.nodes);
    if (isAgain) return;
    find('#shop-name').focus();
    page.map?.see(shown.record.merchant.lng, shown.record.merchant.lat);
  } catch (error) {
    find('#shop-view').replaceChildren(h('p.note', {}, error.message));
  }
}

function highlight(id, fromList) {
  page.map?.hover(id);
  for (const node of document.querySelectorAll('.hit.lit')) if (node.dataset.id !== id) node.classList.remove('lit');
  const item = id && find(`[data-id="${CSS.escape(id)}"]`);
  item?.classList.add('lit');
  if (item && !fromList && document.body.dataset.show === 'list') item.scrollIntoView({ block: 'nearest' });
}

function choose({ kind, id, text, lat, lng }) {
  if (kind === 'category') change({ q: '', categories: [id] });
  else if (kind === 'area') change({ q: '', lat, lng, zone: '' });
  else change({ q: text });
}

// What a click on bare ground offers: to search from there, or only in a zone that holds it.
function groundMenu(lngLat, at, zones = []) {
  const menu = find('#ground-menu');
  menu.hidden = !lngLat;
  if (!lngLat) return;
  const item = (text, values) => h('button', { type: 'button', onclick: () => { menu.hidden = true; change(values); } }, text);
  menu.replaceChildren(item(say('searchHere'), { lat: lngLat.lat, lng: lngLat.lng, zone: '' }),
    ...zones.map(({ id, name }) => item(say('onlyIn', { name }), { zone: id })));
  const { width } = find('#ground').getBoundingClientRect();
  menu.style.left = `${Math.min(at.x, width - 200)}px`;
  menu.style.top = `${at.y + 10}px`;
  menu.firstChild.focus();
}

function offerSearch(byUser) {
  if (!byUser || !page.map) return;
  const view = page.map.view(), { lat, lng, radius } = page.state, metres = 111195;
  const moved = Math.hypot((view.lat - lat) * metres, (view.lng - lng) * metres * Math.cos((lat * Math.PI) / 180));
  find('#search-area').hidden = moved < radius * 0.35 && view.radius > radius * 0.4 && view.radius < radius * 2.5;
}

function myPosition() {
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => change({ lat: coords.latitude, lng: coords.longitude, zone: '' }), (error) => notice(say('noPosition', { why: error.message })), { enableHighAccuracy: true, timeout: 10000 });
}

async function copyCurl() {
  const text = asCurl({ ...bodyOf(), limit: PAGE_SIZE });
  try {
    await navigator.clipboard.writeText(text);
    find('#curl').textContent = say('copied');
    setTimeout(() => { find('#curl').textContent = say('curl'); }, RETRY_MS);
  } catch {
    find('#copy textarea').value = text;
    find('#copy').showModal();
    find('#copy textarea').select();
  }
}

function switchLanguage() {
  setLanguage(languageNow() === 'zh' ? 'en' : 'zh');
  localStorage.setItem('language', languageNow());
  show(document.body.dataset.show);
  page.map?.relabel();
  if (page.index) refresh();
}

// On a narrow screen: the list, or the whole map.
function show(what) {
  document.body.dataset.show = what;
  find('#toggle').textContent = say(what === 'list' ? 'showMap' : 'showList');
  page.map?.resize();
}

start();
