// Everything that the page says, in English and Chinese, and how each language writes amounts,
// distances and times. Times of shops are shown as their own clock shows them. Reasons of `why` have
// the service's codes; a word that is missing here is shown as the service names it.

const WORDS = {
  en: {
    title: 'geosearch: deals near here', tagline: 'Deals here, with your cards',
    search: 'Shop, dish, brand or area', clear: 'Clear the text', language: '中文',
    now: 'Now', today: 'today', tomorrow: 'tomorrow', when: 'Day and time', time: 'Time', day: 'Day',
    backToNow: 'Back to now', onlyOpen: 'Only places that are open then', anyHours: 'Any hours', alsoClosed: '{t}, all',
    cards: 'Cards', cardsHeld: '{n} cards', noCards: 'Tick the cards you hold. They stay in this page and its link.',
    free: 'free', perYear: '{fee} a year', notActive: 'not active',
    party: 'People', budget: 'Budget', budgetAll: 'For the whole party, at most',
    fewer: 'One person fewer', more: 'One person more', people: '{n} people', person: '1 person', noLimit: 'no limit',
    order: 'Order', best: 'Best first', distance: 'Nearest', saving: 'Largest saving', rating: 'Best rated',
    relevance: 'Best text match', filters: 'More', radius: 'Within', deals: 'Deals',
    optional: 'All places', any: 'With a deal for me', card: 'With a deal of my cards', card_best: 'Where my card beats every public deal',
    stacking: 'Combine deals that go together', minRating: 'Rating', anyRating: 'any', stars: '{n} stars or more',
    categories: 'Categories', zone: 'In {name}', zonesShown: 'Show areas on the map',
    places: '{n} places', place: '1 place', none: 'No place matches', took: 'found in {us}',
    nothing: 'Nothing matches all of this here.', wider: 'Search within {r}', anyTime: 'Include closed places', withoutText: 'Search without “{q}”', unknownCard: 'unknown here', unknownCards: 'These cards are unknown here: {cards}', reset: 'Clear all filters',
    outside: 'Nothing is known around here.', back: 'Back to the city', nextPage: 'Show more', loading: 'Searching …',
    curl: 'Copy as curl', copied: 'Copied', copyFailed: 'Select and copy this', notReady: 'Not ready yet, trying again …',
    unreachable: 'The service cannot be reached. Trying again …', problem: 'This search was refused',
    searchArea: 'Search this area', searchHere: 'Search from here', onlyIn: 'Only in {name}', myPosition: 'My position',
    noPosition: 'Your position is not available: {why}', zoomIn: 'Zoom in', zoomOut: 'Zoom out', map: 'Map of the results',
    mapOf: 'Map: arrow keys move it, plus and minus zoom. The list beside it has the same results.', noMap: 'The map needs WebGL, which this browser does not offer. The list works without it.',
    list: 'Results', showMap: 'Map', showList: 'List',
    open: 'Open', openUntil: 'open until {t}', openAlways: 'open', closed: 'closed', opensAt: 'closed, opens {t}', unknown: 'hours unknown',
    saves: 'saves {m}', off: '−{m}', pay: 'pay {m}', dealHere: 'deal', noDeal: 'no deal for you now', public: 'for everyone',
    until: 'until {t}', from: 'from {t}', opens: 'opens {t}', atMost: '{got}, at most {wanted}', atLeast: '{got}, at least {wanted}', with: 'with {card}', betterPublic: 'A public deal saves more: {m}',
    show_card: 'show the card', qr: 'show a QR code', barcode: 'show a barcode', phone_number: 'say your phone number', online: 'order online', appointment: 'book ahead',
    back_: 'Back to the results', close: 'Close', hours: 'Hours of the week', allDeals: 'Deals here', why: 'Why it is here', whyNot: 'Why it is not an answer', wouldHelp: 'What would change it',
    usable: 'usable now', notNow: 'not now', needsCard: 'needs {card}', newOnly: 'new customers', closedAllDay: 'closed', hoursUnknown: 'unknown', call: 'Call', website: 'Website',
    misses: 'Almost', missesNote: 'These miss one condition.', combination: 'Together', together: '{n} deals together', step: '{title}: −{m}', left: 'bill {m}',
    opensIn: 'opens in {n} min', dealIn: 'the deal starts in {n} min', move: 'just outside, {d} away', partyFix: 'for {n} people', spendFix: 'with a bill of {m}', cardFix: 'with {card}, {fee}: saves {m}',
    coverage: 'Where cards win', coverageNote: 'Share of open places where the card beats every public deal. Blank: fewer than 3 are open.', card_: 'Card', slot: 'When',
    wins: 'best price at {p} of {n} open places', gains: 'saves {m} more', third: 'third nearest {d}', slot_weekday_lunch: 'Weekday lunch', slot_weekday_dinner: 'Weekday dinner', slot_weekend_lunch: 'Weekend lunch', slot_weekend_dinner: 'Weekend dinner', slot_late: 'Late, 22:30',
    corrected: 'Showing results for {to}', relaxed: 'Without {words}', around: 'Around {name}',
    ground: 'Shops: each dot is a block of the city, larger where there are more.', attribution: 'Land: Natural Earth', docs: 'API',
    CLOSED: 'closed then', HOURS_UNKNOWN: 'its hours are unknown', CLOSES_TOO_SOON: 'closes too soon', OUTSIDE_RADIUS: 'too far away', OUTSIDE_AREA: 'outside the area',
    WRONG_CATEGORY: 'another category', RATING_TOO_LOW: 'rated lower', TEXT_NOT_FOUND: 'the text is not found', OVER_BUDGET: 'over budget', NOT_AMONG_IDS: 'not among the ids', NO_DEAL: 'no deal that counts',
    CARD_NOT_HELD: 'needs a card', PROGRAM_SUSPENDED: 'its card is suspended', PROGRAM_ENDED: 'its card has ended', NOT_YET_VALID: 'not valid yet', EXPIRED: 'expired', OUTSIDE_WINDOW: 'not at this time',
    SOLD_OUT: 'sold out', MIN_SPEND_SHORT: 'the bill is too small', FACE_VALUE_SHORT: 'the bill is below its face value', PARTY_TOO_SMALL: 'for more people', PARTY_TOO_LARGE: 'for fewer people', UNREADABLE_HOURS: 'its hours cannot be read', UNREADABLE: 'its terms cannot be read',
    NEEDS_NO_CARD: 'not a deal of a card', NEW_CUSTOMERS_ONLY: 'for new customers', WRONG_OFFER_TYPE: 'another kind of deal',
  },
  zh: {
    title: 'geosearch:附近优惠', tagline: '附近优惠,按你手里的卡算',
    search: '店名、菜品、品牌或商圈', clear: '清除文字', language: 'English',
    now: '现在', today: '今天', tomorrow: '明天', when: '日期和时间', time: '时间', day: '日期',
    backToNow: '回到现在', onlyOpen: '只看那时营业的店', anyHours: '含打烊', alsoClosed: '{t},含打烊',
    cards: '卡包', cardsHeld: '{n} 张卡', noCards: '勾选你有的卡。只留在本页和它的链接里。',
    free: '免费', perYear: '{fee}/年', notActive: '暂不可用',
    party: '人数', budget: '预算', budgetAll: '全部人合计不超过',
    fewer: '少一人', more: '多一人', people: '{n} 人', person: '1 人', noLimit: '不限',
    order: '排序', best: '综合最优', distance: '距离最近', saving: '省得最多', rating: '评分最高',
    relevance: '最相关', filters: '更多', radius: '范围', deals: '优惠',
    optional: '所有店', any: '我能用优惠的店', card: '我的卡有优惠的店', card_best: '我的卡最划算的店',
    stacking: '可叠加的优惠一起算', minRating: '评分', anyRating: '不限', stars: '{n} 星以上',
    categories: '分类', zone: '{name}内', zonesShown: '在地图上显示区域',
    places: '{n} 家店', place: '1 家店', none: '没有符合的店', took: '用时 {us}',
    nothing: '这里没有同时满足这些条件的店。', wider: '扩大到 {r}', anyTime: '包括打烊的店', withoutText: '不搜“{q}”', unknownCard: '此处没有', unknownCards: '这里没有这些卡:{cards}', reset: '清除全部条件',
    outside: '这一带没有数据。', back: '回到城里', nextPage: '显示更多', loading: '搜索中…',
    curl: '复制 curl', copied: '已复制', copyFailed: '请选中并复制', notReady: '尚未就绪,正在重试…',
    unreachable: '无法连接服务,正在重试…', problem: '这次搜索被拒绝',
    searchArea: '搜索此区域', searchHere: '从这里搜索', onlyIn: '只看{name}', myPosition: '我的位置',
    noPosition: '无法取得位置:{why}', zoomIn: '放大', zoomOut: '缩小', map: '结果地图',
    mapOf: '地图:方向键移动,加减键缩放。旁边的列表内容相同。', noMap: '地图需要 WebGL,此浏览器不支持。列表照常可用。',
    list: '结果', showMap: '地图', showList: '列表',
    open: '营业中', openUntil: '营业至 {t}', openAlways: '营业中', closed: '已打烊', opensAt: '已打烊,{t} 开门', unknown: '营业时间不详',
    saves: '省 {m}', off: '−{m}', pay: '实付 {m}', dealHere: '优惠', noDeal: '此时没有你能用的优惠', public: '人人可用',
    until: '至 {t}', from: '自 {t}', opens: '{t} 开始', atMost: '{got},最多 {wanted}', atLeast: '{got},至少 {wanted}', with: '用{card}', betterPublic: '公开优惠更省:{m}',
    show_card: '出示卡', qr: '出示二维码', barcode: '出示条形码', phone_number: '报手机号', online: '线上下单', appointment: '需预约',
    back_: '返回结果', close: '关闭', hours: '一周营业时间', allDeals: '本店优惠', why: '为什么在这里', whyNot: '为什么没有入选', wouldHelp: '怎样就能入选',
    usable: '现在可用', notNow: '现在不可用', needsCard: '需要{card}', newOnly: '新客专享', closedAllDay: '休息', hoursUnknown: '不详', call: '电话', website: '网站',
    misses: '就差一点', missesNote: '这些店只差一个条件。', combination: '叠加', together: '{n} 项优惠叠加', step: '{title}:−{m}', left: '账单 {m}',
    opensIn: '{n} 分钟后开门', dealIn: '{n} 分钟后优惠可用', move: '稍远,{d}', partyFix: '{n} 人可用', spendFix: '账单满 {m}', cardFix: '用{card}({fee})省 {m}',
    coverage: '卡的优势区域', coverageNote: '营业的店中,用卡比一切公开优惠都划算的比例。空白处营业的店不足 3 家。', card_: '卡', slot: '时段',
    wins: '{n} 家营业的店中 {p} 用卡最划算', gains: '多省 {m}', third: '第三近 {d}', slot_weekday_lunch: '工作日午餐', slot_weekday_dinner: '工作日晚餐', slot_weekend_lunch: '周末午餐', slot_weekend_dinner: '周末晚餐', slot_late: '深夜 22:30',
    corrected: '已按“{to}”搜索', relaxed: '已忽略 {words}', around: '{name}一带',
    ground: '圆点代表一个街区的店,店越多点越大。', attribution: '陆地:Natural Earth', docs: '接口',
    CLOSED: '那时打烊', HOURS_UNKNOWN: '营业时间不详', CLOSES_TOO_SOON: '打烊太早', OUTSIDE_RADIUS: '太远', OUTSIDE_AREA: '不在区域内',
    WRONG_CATEGORY: '分类不同', RATING_TOO_LOW: '评分较低', TEXT_NOT_FOUND: '文字不匹配', OVER_BUDGET: '超出预算', NOT_AMONG_IDS: '不在指定店中', NO_DEAL: '没有可用的优惠',
    CARD_NOT_HELD: '需要持卡', PROGRAM_SUSPENDED: '卡已暂停', PROGRAM_ENDED: '卡已结束', NOT_YET_VALID: '尚未生效', EXPIRED: '已过期', OUTSIDE_WINDOW: '不在可用时段',
    SOLD_OUT: '已售罄', MIN_SPEND_SHORT: '未满最低消费', FACE_VALUE_SHORT: '账单低于面值', PARTY_TOO_SMALL: '人数不够', PARTY_TOO_LARGE: '人数太多', UNREADABLE_HOURS: '时间无法识别', UNREADABLE: '条款无法识别',
    NEEDS_NO_CARD: '不是卡的优惠', NEW_CUSTOMERS_ONLY: '仅限新客', WRONG_OFFER_TYPE: '优惠类型不同',
  },
};

let language = 'en', currency = 'CNY', digits = 2;

export const languageNow = () => language;
const locale = () => (language === 'zh' ? 'zh-CN' : 'en-GB');

export const browserLanguage = () => (/^zh/i.test(navigator.languages.find((one) => /^(zh|en)/i.test(one))) ? 'zh' : 'en');

export function setLanguage(chosen) {
  language = chosen;
  document.documentElement.lang = chosen === 'zh' ? 'zh-CN' : 'en';
  document.title = say('title');
  for (const node of document.querySelectorAll('[data-say]')) node.textContent = say(node.dataset.say);
  for (const node of document.querySelectorAll('[data-label]')) node.setAttribute('aria-label', say(node.dataset.label));
  for (const node of document.querySelectorAll('[data-hint]')) node.placeholder = say(node.dataset.hint);
}

export function setCurrency(code) {
  currency = code;
  digits = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits;
}

export function say(key, values = {}) {
  return (WORDS[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Formats are made once: to make one takes longer than all else of a result.
const formats = new Map();
function format(Kind, value, options) {
  const key = JSON.stringify([Kind.name, language, options]);
  if (!formats.has(key)) formats.set(key, new Kind(locale(), options));
  return formats.get(key).format(value);
}

// Minor units as people write them: 8440 is ¥84.40.
export const money = (minor) => format(Intl.NumberFormat, minor / 10 ** digits, { style: 'currency', currency, currencyDisplay: 'narrowSymbol', trailingZeroDisplay: 'stripIfInteger' });
export const minorUnits = (major) => Math.round(major * 10 ** digits);
export const majorUnits = (minor) => minor / 10 ** digits;

export const percent = (share) => format(Intl.NumberFormat, share, { style: 'percent', maximumFractionDigits: share < 0.1 ? 1 : 0 });
export const count = (number) => format(Intl.NumberFormat, number);

export function distance(metres) {
  const step = metres < 100 ? 1 : 10;
  return metres < 995 ? `${Math.round(metres / step) * step} m` : `${count(Math.round(metres / 100) / 10)} km`;
}

export const duration = (us) => (us < 1000 ? `${us} µs` : `${count(Math.round(us / 100) / 10)} ms`);

// "22:30", or "Sat 02:00" where the day differs from that of another instant.
export function clock(instant, beside) {
  const time = instant.slice(11, 16);
  return beside && instant.slice(0, 10) !== beside.slice(0, 10) ? `${weekday(instant)} ${time}` : time;
}

const dayFormat = (day, options) => format(Intl.DateTimeFormat, new Date(`${day.slice(0, 10)}T12:00Z`), { ...options, timeZone: 'UTC' });
export const weekday = (day) => dayFormat(day, { weekday: 'short' });
export const dayAndMonth = (day) => dayFormat(day, { day: 'numeric', month: 'numeric' });
