"""Schemas of answers have the members and the types of the structs that are answered."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from geosearch.answer.fix import Fix
from geosearch.answer.model import Answer, Combination, Hit, OpenState, Step
from geosearch.errors import Problem
from geosearch.service.answers import answer_schemas
from geosearch.service.engines import Refused
from geosearch.studies.card_worth import CardWorth, Figures
from geosearch.studies.worth import HabitSeen, Worth
from geosearch.suggest.suggester import Suggestion, Suggestions

SCHEMAS = answer_schemas()
ANSWERED: list[tuple[type[Any], dict[str, Any]]] = [
    (Answer, SCHEMAS["Answer"]),
    (Hit, SCHEMAS["Result"]),
    (OpenState, SCHEMAS["OpenState"]),
    (Fix, SCHEMAS["Fix"]),
    (Combination, SCHEMAS["Combination"]),
    (Step, SCHEMAS["CombinationStep"]),
    (Suggestions, SCHEMAS["Suggestions"]),
    (Suggestion, SCHEMAS["Suggestion"]),
    (Refused, SCHEMAS["Index"]["properties"]["refused"]),
    (Problem, SCHEMAS["ProblemItem"]),
    (Worth, SCHEMAS["Worth"]),
    (CardWorth, SCHEMAS["CardWorth"]),
    (Figures, SCHEMAS["WorthFigures"]),
    (HabitSeen, SCHEMAS["HabitSeen"]),
]
OTHER_NAMES = {"hits": "results"}
NOT_SENT = {(Suggestions, "work"), (Answer, "fields")}


def types(schema: dict[str, Any], defined: dict[str, Any]) -> set[str]:
    """The JSON types that a schema allows, but null: an absent member is null in Python."""
    if "$ref" in schema:
        return types(defined[schema["$ref"].rpartition("/")[2]], defined)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return set().union(*(types(choice, defined) for choice in choices)) - {"null"}
    if "enum" in schema:
        return {"string"}
    kind = schema.get("type", [])
    return set([kind] if isinstance(kind, str) else kind) - {"null"}


@pytest.mark.parametrize(
    ("struct", "schema"), ANSWERED, ids=[each.__name__ for each, _ in ANSWERED]
)
def test_a_schema_has_the_members_of_its_struct(struct: type[Any], schema: dict[str, Any]) -> None:
    (_,), defined = msgspec.json.schema_components([struct])
    members = {
        OTHER_NAMES.get(name, name): member
        for name, member in defined[struct.__name__]["properties"].items()
        if (struct, name) not in NOT_SENT
    }
    assert set(schema["properties"]) == set(members)
    compared: Counter[str] = Counter()
    for name, member in members.items():
        allowed = types(member, defined)
        if allowed:  # The JSON text of a merchant and of deals is passed on as it is stored.
            assert types(schema["properties"][name], SCHEMAS) == allowed, name
            compared["types"] += 1
    assert compared["types"] >= 2
    required = {OTHER_NAMES.get(name, name) for name in defined[struct.__name__]["required"]}
    always = {
        name
        for name, member in members.items()
        if name in required and {"type": "null"} not in member.get("anyOf", ())
    }
    assert always
    assert always <= set(schema["required"])


def test_closures_are_a_list_of_spans() -> None:
    closures = SCHEMAS["Merchant"]["properties"]["closures"]
    assert closures["type"] == "array"
    assert set(closures["items"]["properties"]) == {"from", "until", "reason"}
    assert closures["items"]["required"] == ["from", "until"]
    redemption = SCHEMAS["Deal"]["properties"]["redemption"]
    assert types(redemption, SCHEMAS) == {"object"}
