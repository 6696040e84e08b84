"""`fields` name members of a result, and an error names those that there are."""

import pytest

from geosearch.errors import BadRequest
from geosearch.query.query import Query
from geosearch.query.result_fields import FIELD_NAMES, RESULT_FIELDS
from geosearch.service.answers import answer_schemas

SCHEMAS = answer_schemas()


def test_the_names_are_the_members_of_a_result() -> None:
    """A member of the document is a field, and every field a member, in the same order."""

    def inner(schema: dict[str, object]) -> tuple[str, ...]:
        items = schema.get("oneOf", [schema.get("items", schema)])
        assert isinstance(items, list)
        named = items[0].get("$ref", "").rpartition("/")[2]
        return tuple(SCHEMAS[named]["properties"]) if named else ()

    members = {name: inner(each) for name, each in SCHEMAS["Result"]["properties"].items()}
    assert members == RESULT_FIELDS
    assert len(FIELD_NAMES) > 80
    assert {"merchant.name", "distance_m", "best_deal", "deals.saving"} < set(FIELD_NAMES)


@pytest.mark.parametrize("fields", [(), ("merchant",), FIELD_NAMES, ["open.state", "open"]])
def test_every_name_is_taken(fields: tuple[str, ...]) -> None:
    assert Query(lat=1.0, lng=2.0, fields=fields).fields == tuple(fields)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (("nam",), "Expected `fields` as members of a result: merchant, distance_m, open, "
         "best_deal, better_public, deals, best_combination, better_public_combination, score, "
         "reasons, explain, got 'nam' - at `$.fields[0]`"),
        (("score", ""), "members of a result: merchant, distance_m, open, best_deal, "
         "better_public, deals, best_combination, better_public_combination, score, reasons, "
         "explain, got '' - at `$.fields[1]`"),
        (("open.until",), "Expected `fields` as open, open.state, open.closes_at or "
         "open.opens_at, got 'open.until' - at `$.fields[0]`"),
        (("open.",), "or open.opens_at, got 'open.' - at `$.fields[0]`"),
        (("Open",), "got 'Open'"),
        (("open.state.x",), "or open.opens_at, got 'open.state.x'"),
        (("deals.redemption.channel",), "deals.redemption, "),
        (("score.walk_cost",), "as score, which has no members to choose, got 'score.walk_cost'"),
        (("reasons.0", "open.x"), "at `$.fields[1]`"),
        ((7,), "got 7 - at `$.fields[0]`"),
        ("score", "Expected `fields` as a list, got 'score' - at `$.fields`"),
        (("score",) * 200, "of at most"),
    ],
)  # fmt: skip
def test_another_name_is_refused_with_those_there_are(fields: object, sentence: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        Query(lat=1.0, lng=2.0, fields=fields)  # type: ignore[arg-type]
    assert sentence in str(refusal.value)
    assert {found["code"] for found in refusal.value.errors} <= {
        "unknown_field", "wrong_type", "too_many",
    }  # fmt: skip
