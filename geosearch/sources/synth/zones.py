"""`zones.geojson` of a made-up world: business areas, malls and a campaign.

Shapes are invented around real centres.
"""

from datetime import date, timedelta

import numpy as np

from geosearch.sources.synth.places import METRES_PER_DEGREE, SynthWorld

CORNERS = 24
MOST_MALLS = 400
Feature = dict[str, object]
Ring = list[list[float]]


def zone_features(rng: np.random.Generator, world: SynthWorld, today: date) -> list[Feature]:
    """Return GeoJSON features: all business areas, up to 400 malls, a campaign of two parts."""
    features = []
    rings: list[Ring] = []
    for area in world.areas:
        if area.named:
            zone_id = f"area-{area.slug}"
            rings.append(_blob(rng, area.lat, area.lng, area.sigma_m * 1.4))
            features.append(_feature(zone_id, area.name, "business_area", rings[-1:]))
    malls = world.malls
    for mall in range(min(len(malls.names), MOST_MALLS)):
        ring = _block(float(malls.lat[mall]), float(malls.lng[mall]))
        features.append(_feature(f"mall-{mall:04d}", malls.names[mall], "mall", [ring]))
    # The first and the last area are far apart, so the parts do not overlap.
    campaign = _feature(
        "campaign-night-market",
        "夜市节",
        "campaign",
        [rings[0], rings[-1]],
        valid_from=(today - timedelta(days=10)).isoformat(),
        valid_through=(today + timedelta(days=20)).isoformat(),
    )
    return [*features, campaign]


def _feature(zone_id: str, name: str, kind: str, rings: list[Ring], **dates: str) -> Feature:
    one = len(rings) == 1
    return {
        "type": "Feature",
        "properties": {"zone_id": zone_id, "name": name, "kind": kind, **dates},
        "geometry": {
            "type": "Polygon" if one else "MultiPolygon",
            "coordinates": [rings[0]] if one else [[ring] for ring in rings],
        },
    }


def _blob(rng: np.random.Generator, lat: float, lng: float, radius_m: float) -> Ring:
    """Return a closed ring around a centre: a circle with soft bulges that never crosses itself."""
    angle = np.linspace(0.0, 2.0 * np.pi, CORNERS, endpoint=False)
    phases = rng.uniform(0.0, 2.0 * np.pi, 3)
    bulges = sum(0.1 * np.cos((k + 2) * angle + phase) for k, phase in enumerate(phases))
    radius = radius_m * (1.0 + bulges)
    return _ring(lat, lng, radius * np.sin(angle), radius * np.cos(angle))


def _block(lat: float, lng: float) -> Ring:
    half = np.array((-60.0, -60.0, 60.0, 60.0))
    return _ring(lat, lng, half, half[[0, 2, 3, 1]])


def _ring(lat: float, lng: float, north_m: np.ndarray, east_m: np.ndarray) -> Ring:
    lats = lat + north_m / METRES_PER_DEGREE
    lngs = lng + east_m / (METRES_PER_DEGREE * np.cos(np.radians(lat)))
    ring: Ring = np.round(np.stack([lngs, lats], axis=1), 6).tolist()
    return [*ring, ring[0]]
