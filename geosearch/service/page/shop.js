// One shop: its state, the hours of the week with today marked, every deal, and why it is, or is
// not, an answer. The wallet goes by POST; the URL of a shop has its id and the instant only.

import { ask } from './api.js';
import { dotted, h } from './dom.js';
import { besidesSaving, bestOf, categoryName, feeText, fixText, howTo, openText, priceTag, rating } from './list.js';
import { instant, wallClock } from './state.js';
import { clock, dayAndMonth, distance, money, say, weekday } from './words.js';

const DAY_MINUTES = 1440, NOON = 720, MONEY = ['OVER_BUDGET', 'MIN_SPEND_SHORT', 'FACE_VALUE_SHORT'], AT_MOST = ['OVER_BUDGET', 'OUTSIDE_RADIUS', 'PARTY_TOO_LARGE'];

// Returns the elements that show a shop; undefined if another one was asked for meanwhile.
export async function shopView(id, body, page) {
  const here = { ...body, ids: [id], open: 'any', deals: 'optional', limit: 1, sort: 'distance' };
  for (const name of ['radius', 'q', 'categories', 'max_pay', 'min_rating', 'zone']) delete here[name];
  const when = new URLSearchParams({ party_size: page.state.party_size });
  if (page.state.at) when.set('at', instant(page.state.at, page.index.time_zone));
  const path = `/v1/merchants/${encodeURIComponent(id)}`;
  const [record, answer, why] = await Promise.all([
    ask('shop', `${path}?${when}`), ask('shop here', '/v1/nearby', here),
    ask('why', `${path}/why`, body).catch(() => null),
  ]);
  if (!record || !answer) return undefined;
  return { record, hit: answer.results[0], nodes: view(record, answer.results[0], why, page).filter(Boolean) };
}

function view(record, hit, why, page) {
  const { merchant, open } = record, deal = hit && bestOf(hit);
  return [
    h('h2', { id: 'shop-name', tabIndex: -1 }, dotted(merchant.name, merchant.branch_name)),
    h('p.facts', {}, dotted(hit && distance(hit.distance_m), rating(merchant), ...(merchant.categories ?? []).slice(0, 2).map((path) => categoryName(path, page)))),
    h('p.facts', {}, dotted(...new Set([merchant.address, merchant.district, merchant.business_area]))),
    h(`p.state.${open.state}`, {}, openText(open, record.at)),
    h('p.links', {}, link(merchant.phone && `tel:${merchant.phone.replace(/[^+\d]/g, '')}`, say('call')), link(merchant.url, say('website'))),
    deal ? h('div.best', {}, priceTag(deal), h('p', {}, h('b', {}, deal.title), h('br'), howTo(deal, page))) : null,
    hit?.better_public ? h('p.note', {}, say('betterPublic', { m: money(hit.better_public.saving) })) : null,
    ...combination(hit), ...whyNodes(why, hit, page),
    h('h3', {}, say('allDeals')), dealList(record, hit, why, page),
    h('h3', {}, say('hours')), week(record, page),
  ];
}

// Only web and telephone links of a snapshot become links.
function link(url, text) {
  return /^(https?:\/\/|tel:)/.test(url ?? '') ? h('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, text) : null;
}

function combination(hit) {
  const together = hit?.best_combination;
  if (!together || together.deals.length < 2) return [];
  const known = [hit.best_deal, ...(hit.deals ?? [])].filter(Boolean);
  const steps = together.steps.map(({ deal_id: id, saving, bill }) => {
    const title = known.find((deal) => deal.deal_id === id)?.title ?? id;
    return h('li', {}, dotted(saving === null ? title : say('step', { title, m: money(saving) }), bill !== null && say('left', { m: money(bill) })));
  });
  return [h('h3', {}, say('combination')), h('ol.steps', {}, ...steps)];
}

function whyNodes(why, hit, page) {
  const list = (title, texts) => (texts.length ? [h('h3', {}, say(title)), h('ul.why', {}, ...texts.map((text) => h('li', {}, text)))] : []);
  const wrong = (why?.reasons ?? []).map((one) => reasonText(one));
  return [
    ...(wrong.length ? list('whyNot', wrong) : hit ? list('why', [dotted(...besidesSaving(hit, bestOf(hit)))]) : []),
    ...list('wouldHelp', (why?.fixes ?? []).map((fix) => fixText(fix, { ...hit, ...fix }, page))),
  ];
}

// "closed then: opens Fri 17:00"
function reasonText(one, program) {
  const write = MONEY.includes(one.code) ? money : one.code === 'OUTSIDE_RADIUS' ? distance : String;
  const numbers = [
    one.opens_at && say('opens', { t: clockOrDay(one.opens_at) }), one.closes_at && say('until', { t: clockOrDay(one.closes_at) }),
    one.from && say('from', { t: clockOrDay(one.from) }), one.until && say('until', { t: clockOrDay(one.until) }),
    typeof one.fee === 'number' && feeText(one.fee),
    typeof one.got === 'number' && typeof one.expected === 'number' && say(AT_MOST.includes(one.code) ? 'atMost' : 'atLeast', { got: write(one.got), wanted: write(one.expected) }),
  ];
  const more = dotted(...numbers), what = program && one.code === 'CARD_NOT_HELD' ? say('needsCard', { card: program.name }) : say(one.code);
  return more ? `${what} (${more})` : what;
}

const clockOrDay = (text) => (text.length > 10 ? `${weekday(text)} ${clock(text)}` : text);

function dealList(record, hit, why, page) {
  const mine = new Map([hit?.best_deal, ...(hit?.deals ?? [])].filter(Boolean).map((deal) => [deal.deal_id, deal]));
  const held = (deal) => !deal.program_id || page.state.cards.includes(deal.program_id);
  const order = (deal) => (mine.has(deal.deal_id) ? 0 : 1e12) + (deal.usable ? 0 : 1e13) - (mine.get(deal.deal_id)?.saving ?? deal.saving ?? 0);
  const refused = new Map((why?.deals ?? []).map((one) => [one.deal_id, one.reasons]));
  const items = [...record.deals].sort((a, b) => order(a) - order(b)).map((deal) => {
    const program = page.programs.get(deal.program_id), usable = mine.get(deal.deal_id) ?? deal;
    const state = !deal.usable ? say('notNow') : held(deal) ? say('usable') : say('needsCard', { card: program?.name ?? deal.program_id });
    const because = (refused.get(deal.deal_id) ?? []).map((one) => reasonText(one, program));
    return h('li', { className: deal.usable && held(deal) ? 'yes' : 'no' },
      deal.usable ? priceTag(usable) : null,
      h('p', {}, h('b', {}, deal.title ?? deal.offer_type)),
      h('p.facts', {}, dotted(
        because.length && !(deal.usable && held(deal)) ? because.join(', ') : state, program && held(deal) && program.name, !deal.program_id && say('public'),
        deal.new_customer_only && say('newOnly'), deal.usable && usable.usable_until && say('until', { t: clock(usable.usable_until, record.at) }))),
      h('p.facts', {}, dotted(deal.terms, deal.usable && howTo(deal, page))));
  });
  return items.length ? h('ul.deals', {}, ...items) : h('p.note', {}, say('noDeal'));
}

// Seven rows from the day that is asked about: a bar of 24 hours and the same in figures.
function week(record, page) {
  const first = wallClock(Date.parse(record.at), record.merchant.time_zone ?? page.index.time_zone).slice(0, 10);
  const rows = Array.from({ length: 7 }, (_, number) => {
    const day = new Date(Date.parse(`${first}T00:00Z`) + number * DAY_MINUTES * 60000).toISOString().slice(0, 10);
    const start = Date.parse(`${day}T00:00Z`) / 60000;
    const spans = record.hours.map((span) => ({ ...span, begin: minute(span.from, -Infinity) - start, end: minute(span.to, Infinity) - start }))
      .filter((span) => span.end > 0 && span.begin < DAY_MINUTES);
    // The small hours belong to the day before, unless that is written until 24:00.
    const texts = spans.filter(({ begin, end }) => begin >= 0 || number === 0 || end > NOON || begin <= -DAY_MINUTES).map(spanText);
    return h('tr', { className: number === 0 ? 'today' : '' },
      h('th', { scope: 'row' }, `${weekday(day)} ${dayAndMonth(day)}`),
      h('td', { ariaHidden: 'true' }, h('div.bar', {}, ...spans.map(barPart))),
      h('td', {}, texts.length ? texts.join(', ') : say('closedAllDay')));
  });
  return h('table.week', {}, h('tbody', {}, ...rows));
}

function spanText(span) {
  if (span.state === 'unknown') return say('hoursUnknown');
  const { begin, end } = span, isLong = end > DAY_MINUTES + NOON || end === DAY_MINUTES || (begin <= 0 && end > DAY_MINUTES);
  return `${begin < 0 ? '00:00' : span.from.slice(11, 16)}–${isLong ? '24:00' : span.to.slice(11, 16)}`;
}

function barPart(span) {
  const part = h(`i.${span.state}`), begin = Math.max(0, span.begin), end = Math.min(DAY_MINUTES, span.end);
  part.style.insetInlineStart = `${(begin / DAY_MINUTES) * 100}%`;
  part.style.inlineSize = `${((end - begin) / DAY_MINUTES) * 100}%`;
  return part;
}

// Minutes of the wall clock that an instant shows.
const minute = (text, missing) => (text ? Date.parse(`${text.slice(0, 16)}Z`) / 60000 : missing);

