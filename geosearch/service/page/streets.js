// Streets under the map, where the service has a PMTiles file (`geosearch serve --basemap FILE`).

import { layers, namedFlavor } from './vendor/basemaps.js';
import { PMTiles, Protocol } from './vendor/pmtiles.js';

export function addStreets(maplibre, url) {
  const protocol = new Protocol();
  protocol.add(new PMTiles(url));
  maplibre.addProtocol('pmtiles', protocol.tile);
}

// Without icons, which are pictures of another host, and with the fonts of this machine.
export function streetLayers(isDark) {
  return layers('streets', namedFlavor(isDark ? 'dark' : 'light'), { lang: document.documentElement.lang.startsWith('zh') ? 'zh' : 'en' })
    .filter((layer) => layer.type !== 'background' && !layer.layout?.['icon-image'])
    .map((layer) => (layer.layout?.['text-font'] ? { ...layer, layout: { ...layer.layout, 'text-font': ['Noto Sans', 'sans-serif'] } } : layer));
}
