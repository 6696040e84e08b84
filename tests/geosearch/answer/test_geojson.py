"""GeoJSON of answers, as RFC 7946 says it, and with the results of the service."""

from datetime import timedelta
from pathlib import Path

import msgspec
import orjson
import pytest
from shapely.geometry import shape

from geosearch.answer.geojson import feature_collection
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from tests.geosearch.answer.few_shops import LAT, LNG, NOW, shops_in
from tests.geosearch.answer.test_html_table import Cells
from tests.geosearch.answer.test_rows import result


def test_a_collection_of_nothing() -> None:
    assert feature_collection([], {"total": 0}) == {
        "type": "FeatureCollection",
        "features": [],
        "total": 0,
    }


def test_a_result_is_a_point_with_its_properties() -> None:
    (feature,) = feature_collection([result()], {})["features"]
    assert set(feature) == {"type", "id", "geometry", "properties"}
    assert (feature["type"], feature["id"]) == ("Feature", "m1")
    assert shape(feature["geometry"]).coords[0] == (121.0, 31.0)
    assert feature["properties"] == result()


@pytest.mark.parametrize("explain", [False, True])
def test_an_answer_says_in_geojson_what_the_service_says(tmp_path: Path, explain: bool) -> None:
    engine: Searcher = shops_in(tmp_path).engine
    query = Query(
        lat=LAT, lng=LNG, at=NOW + timedelta(minutes=1), cards=("red", "nope"), deals="any",
        total=True, facets=("category",), explain=explain,
    )  # fmt: skip
    answer = engine.search(query)
    collection = orjson.loads(orjson.dumps(answer.to_geojson()))
    results = orjson.loads(engine.page(query).results)
    assert len(results) > 2
    assert [feature["id"] for feature in collection["features"]] == [
        each["merchant"]["merchant_id"] for each in results
    ]
    for feature, said in zip(collection["features"], results, strict=True):
        assert list(feature["properties"]) == list(said)
        assert feature["properties"] == said
        assert shape(feature["geometry"]).coords[0] == (
            said["merchant"]["lng"], said["merchant"]["lat"],
        )  # fmt: skip
    assert (collection["type"], collection["total"]) == ("FeatureCollection", len(results))
    assert collection["unknown_cards"] == ["nope"]
    assert ("explain" in collection) == explain
    texts = [text for _, text in Cells(answer._repr_html_()).texts]
    for each in results:
        assert each["merchant"]["name"] in texts
    assert "cards this index does not know: nope" in texts


def test_a_better_public_deal_stands_beside_the_best(tmp_path: Path) -> None:
    hits = shops_in(tmp_path).engine.search(Query(lat=LAT, lng=LNG, at=NOW, deals="any")).hits
    hit = next(hit for hit in hits if hit.best_deal is not None)
    assert "better_public" not in hit.as_json()
    other = msgspec.structs.replace(hit, better_public_payload=hit.best_deal_payload)
    assert other.as_json()["better_public"] == other.as_json()["best_deal"]
    members = list(other.as_json())
    assert members.index("better_public") == members.index("best_deal") + 1
