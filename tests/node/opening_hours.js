// What opening_hours.js, the reference checker of the OSM specification, says of many values.
//
// stdin:  {"values": [...], "first": "2026-11-02", "days": 14, "place": Nominatim's answer}
// stdout: for each value, null where it is refused, else [[begin, end, isUnknown], ...] in minutes
//         of the local clock since midnight of the first day. The zone is that of TZ.
const OpeningHours = require('opening_hours');
const { values, first, days, place } = JSON.parse(require('fs').readFileSync(0, 'utf8'));

const [year, month, day] = first.split('-').map(Number);
const from = new Date(year, month - 1, day);
const to = new Date(year, month - 1, day + days);

// Of the wall clock, so that a day has 1440 minutes whatever the clock does in it.
function minute(instant) {
  const midnight = Date.UTC(instant.getFullYear(), instant.getMonth(), instant.getDate());
  const before = Date.UTC(year, month - 1, day);
  return (midnight - before) / 60000 + instant.getHours() * 60 + instant.getMinutes();
}

function stretches(value) {
  let parsed;
  try {
    parsed = new OpeningHours(value, place, { locale: 'en' });
  } catch (refused) {
    return null;
  }
  return parsed.getOpenIntervals(from, to).map((stretch) => [
    minute(stretch[0]), minute(stretch[1]), Boolean(stretch[2])]);
}

process.stdout.write(JSON.stringify(values.map(stretches)));
