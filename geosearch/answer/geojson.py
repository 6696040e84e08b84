"""Answers as GeoJSON (RFC 7946): a FeatureCollection with a point for each shop.

Positions are in the datum of the query. RFC 7946 wants WGS-84, the default; ask for another one
only for a map that draws in it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from geosearch.query.result_fields import only

Json = dict[str, Any]


def feature_collection(
    results: Iterable[Json], members: Mapping[str, Any], fields: tuple[str, ...] = ()
) -> Json:
    """Return a FeatureCollection of results, with the other members of their answer.

    Parameters
    ----------
    results
        JSON values of results. Each becomes the properties of a Feature, whose id is that of the
        merchant.
    members
        Members of the answer beside the results; GeoJSON calls them foreign members.
    fields
        Members of the results that become properties; all if empty.

    Examples
    --------
    >>> shop = {"merchant": {"merchant_id": "m1", "lat": 31.2, "lng": 121.5}, "distance_m": 3.0}
    >>> feature_collection([shop], {})["features"][0]["geometry"]
    {'type': 'Point', 'coordinates': [121.5, 31.2]}
    """
    features = [_feature(result, fields) for result in results]
    return {"type": "FeatureCollection", "features": features, **members}


def _feature(result: Json, fields: tuple[str, ...]) -> Json:
    merchant = result["merchant"]
    point = {"type": "Point", "coordinates": [merchant["lng"], merchant["lat"]]}
    return {
        "type": "Feature",
        "id": merchant["merchant_id"],
        "geometry": point,
        "properties": only(result, fields) if fields else result,
    }
