// The results as a list: what each costs here and now, until when, how to redeem it, and why.

import { dotted, h } from './dom.js';
import { clock, count, distance, duration, languageNow, money, say } from './words.js';

// A result, or a near miss with its fix.
export function resultItem(hit, rank, page) {
  const { merchant, fix } = hit, deal = bestOf(hit);
  return h(fix ? 'li.hit.miss' : 'li.hit', { id: `hit-${merchant.merchant_id}`, 'data-id': merchant.merchant_id, 'data-state': hit.open.state },
    h('span.rank', { ariaHidden: 'true' }, fix ? '○' : String(rank)),
    h('div.what', {},
      h('h3', {}, h('button.name', { type: 'button' }, merchant.name)),
      h('p.facts', {}, dotted(distance(hit.distance_m), rating(merchant), ...(merchant.categories ?? []).slice(0, 1).map((path) => categoryName(path, page)))),
      fix ? h('p.fix', {}, fixText(fix, hit, page)) : h('p.reasons', {}, ...besidesSaving(hit, deal).map((text) => h('span', {}, text))),
      deal ? h('p.deal', {}, withCard(deal, dotted(deal.title, howTo(deal, page)), page)) : null),
    deal ? priceTag(deal) : h('p.price.none', {}, say('noDeal')));
}

// The price stands beside the reasons already.
export const besidesSaving = (hit, deal) => hit.reasons.filter((text) => !deal?.saving || !text.includes(money(deal.saving)));

// The cards that deals need, unless the words name them.
function withCard(deal, words, page) {
  const names = (deal.uses ?? [deal]).map((one) => page.programs.get(one.program_id)?.name);
  return dotted(...new Set(names.filter((name) => name && !words.includes(name))), words);
}

// The combination where deals combine, which may lack the best deal. A near miss has only its ids.
export function bestOf(hit) {
  const together = hit.best_combination;
  if (!together || together.deals.length < 2) return hit.best_deal;
  const known = [hit.best_deal, ...(hit.deals ?? [])].filter(Boolean);
  const uses = together.deals.map((id) => known.find((deal) => deal.deal_id === id));
  const title = uses.every(Boolean) ? uses.map((deal) => deal.title ?? deal.deal_id).join(' + ') : say('together', { n: count(uses.length) });
  return { title, saving: together.saving, pay: together.pay, uses: uses.filter(Boolean) };
}

export function priceTag(deal) {
  return h('p.price', {},
    h('strong', {}, (deal.saving ?? null) === null ? say('dealHere') : say('off', { m: money(deal.saving) })),
    deal.pay !== null && deal.pay !== undefined ? h('span', {}, say('pay', { m: money(deal.pay) })) : null);
}

export const rating = (merchant) => (merchant.rating ? `★ ${count(merchant.rating)}` : '');

export function categoryName(path, page) {
  const names = Object.entries(page.categories.get(path)?.names ?? {});
  const of = (language) => names.find(([tag]) => tag.startsWith(language))?.[1];
  return of(languageNow()) ?? of('en') ?? of('') ?? path.split('.').pop();
}

// A card's own instructions; else what to show. Of a combination those of all its deals.
export function howTo(deal, page) {
  if (deal.uses) return dotted(...new Set(deal.uses.map((one) => howTo(one, page))));
  const program = page.programs.get(deal.program_id);
  const channel = deal.redemption?.channel;
  return dotted(program?.how_to_redeem ?? (channel ? say(channel) : ''), deal.redemption?.appointment && say('appointment'));
}

export function openText(open, at) {
  if (open.state === 'open') return open.closes_at ? say('openUntil', { t: clock(open.closes_at, at) }) : say('openAlways');
  if (open.state === 'closed') return open.opens_at ? say('opensAt', { t: clock(open.opens_at, at) }) : say('closed');
  return say('unknown');
}

export function fixText(fix, miss, page) {
  const card = page.programs.get(fix.program_id);
  switch (fix.code) {
    case 'wait': return say(miss.open?.state === 'open' ? 'dealIn' : 'opensIn', { n: fix.minutes });
    case 'move': return say('move', { d: distance(miss.distance_m ?? fix.radius) });
    case 'party': return say('partyFix', { n: fix.party_size });
    case 'spend': return say('spendFix', { m: money(fix.spend) });
    case 'card': return say('cardFix', { card: card?.name ?? fix.program_id, fee: feeText(fix.fee ?? card?.fee), m: money(bestOf(miss)?.saving ?? 0) });
    default: return fix.code;
  }
}

export const feeText = (fee) => (fee ? say('perYear', { fee: money(fee) }) : say('free'));

export const placesText = (number) => (number === 1 ? say('place') : say('places', { n: count(number) }));

// "128 places · found in 41 µs"
export function statusText(answer) {
  return answer.total ? dotted(placesText(answer.total), say('took', { us: duration(answer.took_us) })) : say('none');
}

// What the service did to the question, in words.
export function rewordingText(answer) {
  return dotted(
    answer.corrected && say('corrected', { to: Object.values(answer.corrected).map(([first]) => first).join(' ') }),
    answer.relaxed?.length && say('relaxed', { words: answer.relaxed.join(' ') }),
    answer.unknown_cards?.length && say('unknownCards', { cards: answer.unknown_cards.join(', ') }),
    answer.around && say('around', { name: answer.around.business_area }));
}
