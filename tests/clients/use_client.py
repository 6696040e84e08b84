"""Uses a client that openapi-python-client made; run by `test_openapi_clients` with its Python.

Usage: `python use_client.py FOLDER URL`, where FOLDER holds the package `nearby_client`. It prints
what it got as JSON.
"""

import json
import sys
from importlib import import_module
from typing import Any


def made(name: str) -> Any:
    """A module of the client."""
    return import_module(f"nearby_client.{name}")


def call(operation: str) -> Any:
    """The function that asks for an operation and waits for the answer."""
    return made(f"api.default.{operation}").sync


def main(folder: str, url: str) -> None:
    """Ask a service with the client in a folder."""
    sys.path.insert(0, folder)
    models = made("models")
    client = made("client").Client(base_url=url, raise_on_unexpected_status=True)
    here = {"lat": 31.23, "lng": 121.47}
    ring = [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.3]]
    polygon = models.Polygon.from_dict({"type": "Polygon", "coordinates": [ring]})
    polygons = models.MultiPolygon.from_dict({"type": "MultiPolygon", "coordinates": [[ring]]})
    box = [121.4, 31.2, 121.5, 31.3]

    answers = {
        "get": call("nearby")(client=client, **here, cards=["red", "gold"], limit=3, total=True),
        "box": call("nearby")(client=client, **here, bbox=box, limit=3),
        "post": call("nearby_post")(
            client=client, body=models.Query(**here, cards=["red"], limit=3)
        ),
        "polygon": call("nearby_post")(
            client=client, body=models.Query(**here, polygon=polygon, limit=3)
        ),
        "polygons": call("nearby_post")(
            client=client, body=models.Query(**here, polygon=polygons, limit=3)
        ),
        "batch": call("nearby_batch")(
            client=client, body=models.Queries(queries=[models.Query(**here, limit=3)])
        ),
        "suggest": call("suggest")(client=client, q="a", **here),
        "zones": call("zones")(client=client, bbox=box),
        "categories": call("categories")(client=client),
        "some": call("nearby")(
            client=client,
            **here,
            fields=[models.ResultField("merchant.name"), models.ResultField("distance_m")],
            lang=models.NearbyLang("zh"),
            limit=1,
        ),
    }
    first = answers["get"].results[0].merchant.merchant_id
    answers["merchant"] = call("merchant")(first, client=client, **here, cards=["red"])
    print(json.dumps({name: answer.to_dict() for name, answer in answers.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
