"""JSON schemas of combinations of deals, for `answers`."""

from typing import Any

from geosearch.service.schemas import list_schema, object_schema, or_null_schema, ref, said_schema

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_AMOUNT: Json = {"type": "integer"}


def combination_schemas() -> dict[str, Json]:
    """Return the schemas of a combination and of its steps by name."""
    unknown = "minor units; null where the bill is unknown."
    return {
        "Combination": object_schema(
            {
                "deals": list_schema(
                    _TEXT, "Ids of its deals, in the order in which they apply; at least one."
                ),
                "steps": list_schema(ref("CombinationStep"), "Its deals with what each saves."),
                "saving": or_null_schema(_AMOUNT, f"Sum of the savings, {unknown}"),
                "pay": or_null_schema(_AMOUNT, f"What is left to pay, {unknown}"),
                "currency": said_schema(_TEXT, "ISO 4217 code of all amounts."),
            }
        ),
        "CombinationStep": object_schema(
            {
                "deal_id": said_schema(_TEXT, "Id of the deal."),
                "saving": or_null_schema(_AMOUNT, f"What it saves, {unknown}"),
                "bill": or_null_schema(_AMOUNT, f"What is left of the bill after it, {unknown}"),
            }
        ),
    }


COMBINATION_MEMBERS: dict[str, Json] = {
    "best_combination": {
        "oneOf": [ref("Combination"), {"type": "null"}],
        "description": "The deals that together save most, or one deal alone; null where none "
        "counts. Absent unless `stacking=on`.",
    },
    "better_public_combination": said_schema(
        ref("Combination"),
        "With `stacking=on` and `deals=card`, the best combination without a card, if it saves "
        "more. Absent where none does.",
    ),
}
"""Members of a result, by name."""
