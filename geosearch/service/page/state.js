// What the page asks: one object with the names of the parameters of /v1/nearby, kept in the
// fragment of the URL. A fragment never leaves the browser, so position and wallet stay here.

export const DEFAULTS = {
  lat: null, lng: null, radius: 2000, q: '', cards: [], deals: 'optional', open: 'now', at: '',
  party_size: 1, max_pay: null, min_rating: null, categories: [], sort: 'best', stacking: 'off', zone: '', shop: '', coverage: '', slot: '',
};
// All else as at first: where one is, and the cards that one holds, are no filters.
export const withoutFilters = ({ lat, lng, radius, cards, coverage, slot }) => ({ ...DEFAULTS, lat, lng, radius, cards, coverage, slot });
const NUMBERS = ['lat', 'lng', 'radius', 'party_size', 'max_pay', 'min_rating'];
const LISTS = ['cards', 'categories'];
const BOUNDS = { lat: [-90, 90], lng: [-180, 180], radius: [100, 50000], party_size: [1, 99], max_pay: [0, 1e9], min_rating: [0, 5] };
const ONE_OF = { open: ['now', 'any'], sort: ['best', 'distance', 'saving', 'rating', 'relevance'], stacking: ['on', 'off'], deals: ['optional', 'any', 'card', 'card_best'] };

export function readFragment(fragment) { // What it does not understand keeps its default.
  const state = { ...DEFAULTS };
  for (const [name, text] of new URLSearchParams(fragment.replace(/^#/, ''))) {
    if (!(name in DEFAULTS)) continue;
    if (LISTS.includes(name)) state[name] = text.split(',').filter(Boolean);
    else if (NUMBERS.includes(name)) {
      const [low, high] = BOUNDS[name], number = Number(text);
      if (text && number >= low && number <= high) state[name] = number;
    } else if (!ONE_OF[name] || ONE_OF[name].includes(text)) state[name] = text;
  }
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(state.at)) state.at = '';
  return state;
}

export function writeFragment(state) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value === null || String(value) === String(DEFAULTS[name])) continue;
    pairs.set(name, name === 'lat' || name === 'lng' ? value.toFixed(5) : String(value));
  }
  return `#${pairs.toString().replaceAll('%2C', ',').replaceAll('%3A', ':')}`;
}

// The body of a search: only what differs from the defaults of the service.
export function searchBody(state, index, can, language) {
  const body = { lat: round(state.lat), lng: round(state.lng), radius: state.radius, open: state.open };
  if (state.q.trim()) body.q = state.q.trim();
  if (state.at) body.at = instant(state.at, index.time_zone);
  body.deals = usableDeals(state);
  for (const name of LISTS) if (state[name].length) body[name] = state[name];
  for (const name of ['max_pay', 'min_rating']) if (state[name] !== null) body[name] = state[name];
  if (state.party_size !== 1) body.party_size = state.party_size;
  if (state.zone) body.zone = state.zone;
  body.sort = state.sort === 'relevance' && !body.q ? 'best' : state.sort;
  if (can('stacking') && state.stacking === 'on') body.stacking = 'on';
  body.lang = language;
  return body;
}

// A question for the wallet's deals needs a wallet.
const usableDeals = (state) => (state.cards.length || !state.deals.startsWith('card') ? state.deals : 'optional');

const round = (degrees) => Math.round(degrees * 1e5) / 1e5;

// RFC 3339 of a wall clock in a time zone: "2026-11-27T22:30" and Asia/Shanghai give "…+08:00".
export function instant(local, timeZone) {
  const utc = Date.parse(`${local}Z`);
  const near = utc - offsetMinutes(utc, timeZone) * 60000;
  const offset = offsetMinutes(near, timeZone), size = Math.abs(offset);
  const two = (number) => String(number).padStart(2, '0');
  return `${local}:00${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

// The wall clock of an instant in a time zone: "2026-11-27T22:30".
export function wallClock(milliseconds, timeZone) {
  return new Date(milliseconds + offsetMinutes(milliseconds, timeZone) * 60000).toISOString().slice(0, 16);
}

function offsetMinutes(milliseconds, timeZone) {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(milliseconds);
  const [, sign, hours, minutes] = parts.find((part) => part.type === 'timeZoneName').value.match(/([+-])(\d\d):?(\d\d)?/) ?? [0, '+', 0, 0];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0));
}
