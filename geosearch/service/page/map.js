// The map: land and sea, zones, a dot for each block by the number of its shops, then the answer.
// It shows what it is given and says what was clicked; it asks only for what the ground needs.

import * as maplibre from './vendor/maplibre-gl.mjs';
import { ask, call } from './api.js';
import { SHARES } from './coverage.js';
import { bestOf } from './list.js';
import { money } from './words.js';

// Colours are those of the style sheet.
const COLOURS = ['sea', 'land', 'dot', 'zone', 'text', 'halo', 'on-mark', 'mark', 'plain', 'closed', 'miss', 'circle', 'ring'];
const DOT_PIXELS = 12, MOST_CELLS = 128, ZONES_FROM = 9, NUMBERED = 9, FULL_DOTS_FROM = 0.97;
const LEAST_OPEN = 3, SMALL_ZONE_DEGREES = 0.006, SMALL_ZONES_FROM = 15, EARTH_RADIUS_M = 6371008.8;
const FONT = ['Noto Sans', 'Noto Sans CJK SC', 'sans-serif'];
const EMPTY = { type: 'FeatureCollection', features: [] };
const feature = (geometry, properties) => ({ type: 'Feature', geometry, properties });
const point = (lng, lat, properties) => feature({ type: 'Point', coordinates: [lng, lat] }, properties);

export async function groundMap({ container, center, basemap, onPick, onHover, onCell, onGround, onMoved, onZones }) {
  maplibre.setWorkerUrl(new URL('./vendor/maplibre-gl-worker.mjs', import.meta.url).href);
  const dark = matchMedia('(prefers-color-scheme: dark)'), still = matchMedia('(prefers-reduced-motion: reduce)');
  const data = { sea: EMPTY, land: EMPTY, cells: EMPTY, dots: EMPTY, zones: EMPTY, labels: EMPTY, circle: EMPTY, misses: EMPTY, shops: EMPTY, here: EMPTY };
  let dots = { zoom: 10, pixels: DOT_PIXELS }, hovered = null, overCell, chosenZone, chosen = null, circleKey = '', showsZones = true, zonesKey = '';
  const streets = basemap ? await import('./streets.js') : null;
  const credits = streets?.addStreets(maplibre, basemap);
  const map = new maplibre.Map({
    container, style: style(), center, zoom: 13, minZoom: 3, maxZoom: 19, attributionControl: false,
    dragRotate: false, pitchWithRotate: false, touchPitch: false, fadeDuration: 0,
  });
  map.touchZoomRotate.disableRotation();
  map.getCanvas().setAttribute('aria-describedby', 'map-help');

  function style() {
    const colours = getComputedStyle(document.documentElement), tint = Object.fromEntries(COLOURS.map((name) => [name, colours.getPropertyValue(`--${name}`)]));
    const sources = Object.fromEntries(Object.entries(data).map(([name, content]) => [name, { type: 'geojson', data: content, promoteId: 'id' }]));
    if (basemap) sources.streets = { type: 'vector', url: `pmtiles://${basemap}` };
    const isOn = (name) => ['boolean', ['feature-state', name], false];
    const colour = ['case', ['!', ['get', 'open']], tint.closed, ['get', 'saves'], tint.mark, tint.plain];
    const radius = ['+', ['get', 'size'], ['case', ['any', isOn('hover'), isOn('chosen')], 3, 0]];
    // A zone of one building, such as a mall, is for those who are close to it.
    const seen = ['any', ['!', ['get', 'small']], ['>=', ['zoom'], SMALL_ZONES_FROM]];
    const few = ['<', ['get', 'open'], LEAST_OPEN];
    const share = ['step', ['get', 'win_share'], colours.getPropertyValue('--share-0'), ...SHARES.flatMap((end, at) => [end + 1e-9, colours.getPropertyValue(`--share-${at + 1}`)])];
    const text = { 'text-font': FONT, 'text-optional': true };
    return {
      version: 8, sources,
      layers: [
        { id: 'ground', type: 'background', paint: { 'background-color': tint.land } },
        { id: 'sea', type: 'fill', source: 'sea', paint: { 'fill-color': tint.sea } },
        { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': tint.land } },
        ...(basemap ? streets.streetLayers(dark.matches, tint) : []),
        { id: 'cells', type: 'fill', source: 'cells', paint: { 'fill-color': ['case', few, tint.land, share], 'fill-opacity': 0.7, 'fill-outline-color': tint.land } },
        { id: 'dots', type: 'circle', source: 'dots', maxzoom: 17, paint: { 'circle-color': tint.dot, 'circle-opacity': basemap ? 0.1 : 0.2, 'circle-radius': dotRadius() } },
        { id: 'zones', type: 'fill', source: 'zones', minzoom: ZONES_FROM, filter: seen, paint: { 'fill-color': tint.zone, 'fill-opacity': ['case', isOn('chosen'), 0.18, 0.035] } },
        { id: 'zone-lines', type: 'line', source: 'zones', minzoom: ZONES_FROM, filter: seen, paint: { 'line-color': tint.zone, 'line-opacity': ['case', isOn('chosen'), 1, 0.45], 'line-width': ['case', isOn('chosen'), 2.5, 1] } },
        { id: 'radius', type: 'line', source: 'circle', paint: { 'line-color': tint.circle, 'line-width': 1.5, 'line-dasharray': [3, 2] } },
        { id: 'zone-names', type: 'symbol', source: 'labels', minzoom: ZONES_FROM + 2, filter: seen, layout: { ...text, 'text-field': ['get', 'name'], 'text-size': 12, 'text-letter-spacing': 0.08 }, paint: { 'text-color': tint.zone, 'text-halo-color': tint.halo, 'text-halo-width': 1.2 } },
        { id: 'misses', type: 'circle', source: 'misses', paint: { 'circle-color': tint.halo, 'circle-opacity': 0.6, 'circle-radius': radius, 'circle-stroke-color': tint.miss, 'circle-stroke-width': 2.5 } },
        { id: 'shops', type: 'circle', source: 'shops', layout: { 'circle-sort-key': ['-', ['get', 'rank']] }, paint: { 'circle-color': colour, 'circle-radius': radius, 'circle-stroke-color': ['case', ['any', isOn('hover'), isOn('chosen')], tint.ring, tint.halo], 'circle-stroke-width': ['case', ['any', isOn('hover'), isOn('chosen')], 2.5, 1.2] } },
        { id: 'here', type: 'circle', source: 'here', paint: { 'circle-color': tint.circle, 'circle-radius': 6, 'circle-stroke-color': tint.halo, 'circle-stroke-width': 2.5 } },
        { id: 'numbers', type: 'symbol', source: 'shops', filter: ['<=', ['get', 'rank'], NUMBERED], layout: { ...text, 'text-field': ['to-string', ['get', 'rank']], 'text-size': 11, 'text-allow-overlap': true, 'text-ignore-placement': true, 'symbol-sort-key': ['-', ['get', 'rank']], 'symbol-z-order': 'source' }, paint: { 'text-color': tint['on-mark'] } },
        { id: 'names', type: 'symbol', source: 'shops', minzoom: 13, layout: { ...text, 'text-field': ['get', 'label'], 'text-size': 12, 'text-anchor': 'top', 'text-offset': [0, 1.1], 'text-max-width': 9, 'symbol-sort-key': ['get', 'rank'] }, paint: { 'text-color': tint.text, 'text-halo-color': tint.halo, 'text-halo-width': 1.4 } },
      ],
    };
  }

  // A dot keeps its place on the ground while the map zooms, until the next counts arrive.
  function dotRadius() {
    const size = (scale) => ['*', ['get', 'size'], dots.pixels * scale];
    return ['interpolate', ['exponential', 2], ['zoom'], dots.zoom - 2, size(0.25), dots.zoom + 3, size(8)];
  }

  function set(name, content) {
    if (content === data[name]) return;
    data[name] = content;
    map.getSource(name)?.setData(content);
  }

  function mark(id, state, sources = ['shops', 'misses']) {
    for (const source of sources) if (id && map.getSource(source)) map.setFeatureState({ source, id }, state);
  }

  async function showDots() {
    const bounds = map.getBounds(), whole = Math.floor(map.getZoom()), box = map.getContainer().getBoundingClientRect();
    const lift = Math.max(0, Math.ceil(Math.log2((Math.max(box.width, box.height) * 2 ** (map.getZoom() - whole) / DOT_PIXELS) / (MOST_CELLS - 4))));
    const pixels = DOT_PIXELS * 2 ** lift, wide = (360 / (512 * 2 ** whole)) * pixels, high = wide * Math.cos((center[1] * Math.PI) / 180);
    const column = Math.floor(bounds.getWest() / wide), row = Math.floor(bounds.getSouth() / high);
    const cells = Math.min(MOST_CELLS, Math.max(Math.ceil(bounds.getEast() / wide) - column, Math.ceil(bounds.getNorth() / high) - row));
    const [west, south, east, north] = [column * wide, row * high, (column + cells) * wide, (row + cells) * high];
    if (west < -180 || east > 180 || south < -90 || north > 90) return;
    const answer = await ask('density', `/v1/density?bbox=${[west, south, east, north].map((end) => end.toFixed(6))}&cells=${cells}`).catch(() => undefined);
    if (!answer) return;
    // One crowded block, such as a mall, must not make all others small.
    const counted = answer.counts.flat().filter(Boolean).sort((a, b) => a - b), most = counted[Math.floor(counted.length * FULL_DOTS_FROM)] ?? 1;
    dots = { zoom: whole, pixels: pixels / 2 };
    if (map.getLayer('dots')) map.setPaintProperty('dots', 'circle-radius', dotRadius());
    set('dots', { ...EMPTY, features: answer.counts.flatMap((cellsOfRow, y) => cellsOfRow.flatMap((number, x) => (number
      ? [point((column + x + 0.5) * wide, (row + y + 0.5) * high, { size: 0.12 + 0.8 * Math.sqrt(Math.min(1, number / most)) })] : []))) });
  }

  async function showZones() {
    if (!showsZones || map.getZoom() < ZONES_FROM) return;
    const bounds = map.getBounds(), box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
    if (box[0] < -180 || box[2] > 180) return;
    const answer = await ask('zones', `/v1/zones?bbox=${box.map((end) => end.toFixed(3))}`).catch(() => undefined);
    const key = answer?.zones.map((zone) => zone.zone_id).join();
    if (!answer || key === zonesKey) return;
    zonesKey = key;
    onZones(answer.zones);
    set('zones', { ...EMPTY, features: answer.zones.map((zone) => feature(zone.geometry, { id: zone.zone_id, name: zone.name, small: isSmall(zone) })) });
    mark(chosenZone, { chosen: true }, ['zones']);
    set('labels', { ...EMPTY, features: answer.zones.map((zone) => {
      const { zone_id: id, name, bounds: [west, south, east, north] } = zone;
      return point((west + east) / 2, (south + north) / 2, { id, name, small: isSmall(zone) });
    }) });
  }

  const isSmall = ({ bounds: [west, south, east, north] }) => Math.max(east - west, north - south) < SMALL_ZONE_DEGREES;
  const cellAt = (spot) => (data.cells === EMPTY ? [] : map.queryRenderedFeatures(spot, { layers: ['cells'] }))[0]?.properties.cell ?? null;
  const near = ({ x, y }, layers) => map.queryRenderedFeatures([[x - 5, y - 5], [x + 5, y + 5]], { layers: layers.filter((id) => map.getLayer(id)) });
  map.on('click', (event) => {
    const [hit] = near(event.point, ['shops', 'misses']);
    onCell(cellAt(event.point));
    if (hit) { onPick(hit.properties.id); return; }
    const zones = showsZones ? map.queryRenderedFeatures(event.point, { layers: ['zones'] }) : [];
    onGround(event.lngLat, event.point, [...new Map(zones.map((one) => [one.properties.id, one.properties])).values()]);
  });
  map.on('mousemove', (event) => {
    if (map.isMoving()) return;
    const [hit] = near(event.point, ['shops', 'misses']);
    map.getCanvas().style.cursor = hit ? 'pointer' : '';
    onHover(hit?.properties.id ?? null);
    const cell = cellAt(event.point);
    if (cell !== overCell) onCell(overCell = cell);
  });
  map.on('movestart', (event) => { if (event.originalEvent) onGround(null); });
  map.on('moveend', (event) => { showDots(); showZones(); onMoved(Boolean(event.originalEvent)); });
  map.once('style.load', () => { showDots(); showZones(); });
  dark.addEventListener('change', () => map.setStyle(style()));

  return {
    map, credits, resize: () => map.resize(), relabel: () => { if (basemap) map.setStyle(style()); },
    showLand(content) {
      const [west, south, east, north] = content.bbox;
      set('sea', feature({ type: 'Polygon', coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]] }, {}));
      set('land', content);
    },
    showResults(hits, misses) {
      const size = (saving) => 5 + Math.min(8, Math.sqrt(Math.max(0, saving ?? 0)) / 14);
      set('shops', { ...EMPTY, features: hits.map((hit, at) => {
        const deal = bestOf(hit), rank = at + 1, saving = deal?.saving ?? 0;
        return point(hit.merchant.lng, hit.merchant.lat, {
          id: hit.merchant.merchant_id, rank, saves: Boolean(deal), open: hit.open.state === 'open', size: Math.max(size(saving), rank <= NUMBERED ? 9 : 0),
          label: saving > 0 ? `${hit.merchant.name}\n−${money(saving)}` : hit.merchant.name,
        });
      }) });
      set('misses', !misses.length ? EMPTY : { ...EMPTY, features: misses.map(({ merchant }) => point(merchant.lng, merchant.lat, { id: merchant.merchant_id, size: 7 })) });
      mark(chosen, { chosen: true });
    },
    showCircle({ lat, lng, radius }) {
      const key = `${lat} ${lng} ${radius} ${Boolean(map.getSource('circle'))}`;
      if (key === circleKey) return;
      circleKey = key;
      const far = (radius / EARTH_RADIUS_M) * (180 / Math.PI), wide = far / Math.cos((lat * Math.PI) / 180);
      const ring = Array.from({ length: 97 }, (_, step) => [lng + wide * Math.cos((step * Math.PI) / 48), lat + far * Math.sin((step * Math.PI) / 48)]);
      set('circle', { ...EMPTY, features: [feature({ type: 'LineString', coordinates: ring }, {})] });
      set('here', { ...EMPTY, features: [point(lng, lat, {})] });
    },
    hover(id) {
      if (id === hovered) return;
      mark(hovered, { hover: false });
      mark(hovered = id, { hover: true });
    },
    choose(id) {
      mark(chosen, { chosen: false });
      mark(chosen = id, { chosen: true });
    },
    chooseZone(id) {
      if (id === chosenZone) return;
      mark(chosenZone, { chosen: false }, ['zones']);
      mark(chosenZone = id, { chosen: true }, ['zones']);
    },
    showCells(cells) {
      set('cells', cells ?? EMPTY);
      if (map.getLayer('dots')) map.setLayoutProperty('dots', 'visibility', cells ? 'none' : 'visible');
    },
    zonesVisible(isOn) {
      showsZones = isOn;
      for (const layer of ['zones', 'zone-lines', 'zone-names']) map.setLayoutProperty(layer, 'visibility', isOn ? 'visible' : 'none');
      if (isOn) showZones();
    },
    fit({ lat, lng, radius }) {
      const far = (radius / EARTH_RADIUS_M) * (180 / Math.PI), wide = far / Math.cos((lat * Math.PI) / 180);
      map.fitBounds([[lng - wide, lat - far], [lng + wide, lat + far]], { padding: 24, animate: !still.matches, duration: 500 });
    },
    see(lng, lat) {
      if (!map.getBounds().contains([lng, lat])) map.easeTo({ center: [lng, lat], animate: !still.matches });
    },
    // The circle that the view holds: its centre and metres.
    view() {
      const { lat, lng } = map.getCenter(), bounds = map.getBounds();
      const high = (bounds.getNorth() - bounds.getSouth()) * 0.5, wide = (bounds.getEast() - bounds.getWest()) * 0.5 * Math.cos((lat * Math.PI) / 180);
      return { lat, lng, radius: Math.max(100, Math.min(50000, Math.round(Math.min(high, wide) * 0.95 * (Math.PI / 180) * EARTH_RADIUS_M))) };
    },
    zoom: (step) => map.zoomTo(map.getZoom() + step, { animate: !still.matches }),
  };
}

export const hasWebGL = () => Boolean(document.createElement('canvas').getContext('webgl2'));
