// Streets under the map, where the service has a PMTiles file (`geosearch serve --basemap FILE`).

import { layers, namedFlavor } from './vendor/basemaps.js';
import { PMTiles, Protocol } from './vendor/pmtiles.js';

// Returns whom the file names as its source: words of HTML, which are shown as text.
export async function addStreets(maplibre, url) {
  const protocol = new Protocol(), archive = new PMTiles(url);
  protocol.add(archive);
  maplibre.addProtocol('pmtiles', protocol.tile);
  const { attribution } = await archive.getMetadata().catch(() => ({}));
  return new DOMParser().parseFromString(attribution || '© OpenStreetMap, Protomaps', 'text/html').body.textContent;
}

// In the page's colours of land and water, without icons, which are pictures of another host, and
// with the fonts of this machine.
export function streetLayers(isDark, { land, sea }) {
  const flavor = { ...namedFlavor(isDark ? 'dark' : 'light'), earth: land, water: sea };
  return layers('streets', flavor, { lang: document.documentElement.lang.startsWith('zh') ? 'zh' : 'en' })
    .filter((layer) => layer.type !== 'background' && !layer.layout?.['icon-image'])
    .map((layer) => (layer.layout?.['text-font'] ? { ...layer, layout: { ...layer.layout, 'text-font': ['Noto Sans', 'sans-serif'] } } : layer));
}
