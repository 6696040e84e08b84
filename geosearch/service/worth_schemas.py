"""JSON schemas of `POST /v1/cards:worth`; `openapi` and the reference page use them."""

from collections.abc import Callable

from geosearch.query.parameters import Parameter
from geosearch.service.schemas import (
    CURRENCY,
    INSTANT,
    INTEGER,
    NUMBER,
    TEXT,
    Json,
    list_schema,
    object_schema,
    or_null_schema,
    ref,
    said_schema,
)
from geosearch.studies.habits import HABIT_PARAMETERS, WORTH_PARAMETERS

_FIGURES = {
    "as_you_go": "if the card changes nothing that the person does",
    "only_partners": "on the visits on which it saves anything",
    "advised": "if the person always takes the best offer",
}


def worth_schemas() -> dict[str, Json]:
    """Return the schemas of the answer by name."""
    return {
        "Worth": object_schema(
            {
                "snapshot_id": said_schema(TEXT, "Snapshot that the index was built from."),
                "at": said_schema(INSTANT, "Instant from which the study looks ahead."),
                "until": said_schema(INSTANT, "Where it ends."),
                "currency": CURRENCY,
                "cards": list_schema(ref("CardWorth"), "Candidates, the most worth a year first."),
                "habits": list_schema(ref("HabitSeen"), "What each habit meets, in their order."),
                "warnings": list_schema(TEXT, "What one must know to read zeros; often empty."),
            }
        ),
        "CardWorth": object_schema(
            {
                "program_id": said_schema(TEXT, "Id of the card."),
                "name": said_schema(TEXT, "Its name."),
                "fee": said_schema(INTEGER, "Its fee a year, minor units."),
                "per_visit": said_schema(ref("WorthFigures"), "Over all habits, by visits."),
                "year": object_schema({name: _year(name) for name in _FIGURES})
                | {"description": "12 months of visits less the fee, minor units."},
                "break_even_visits": object_schema({name: _visits(name) for name in _FIGURES})
                | {"description": "Visits a year after which the fee is earned."},
                "habits": list_schema(ref("WorthFigures"), "For each habit, in their order."),
            }
        ),
        "WorthFigures": object_schema(
            {
                "as_you_go": _per_visit("as_you_go"),
                "share_of_visits": said_schema(
                    NUMBER, "Share of visits on which the card saves anything, 0 to 1."
                ),
                "only_partners": _per_visit("only_partners"),
                "advised": _per_visit("advised"),
            }
        )
        | {"description": "Minor units, to six digits after the point."},
        "HabitSeen": object_schema(
            {
                "name": or_null_schema(TEXT, "Its name; null without one."),
                "instants": said_schema(INTEGER, "Number of quarter hours that count."),
                "shops": said_schema(NUMBER, "Mean number of open shops that it may choose."),
            }
        ),
    }


def _per_visit(name: str) -> Json:
    return said_schema(NUMBER, f"What it saves per visit, minor units, {_FIGURES[name]}.")


def _year(name: str) -> Json:
    return said_schema(INTEGER, f"The same in a year less the fee, minor units, {_FIGURES[name]}.")


def _visits(name: str) -> Json:
    words = f"Number of visits, {_FIGURES[name]}; null if a visit saves nothing."
    return or_null_schema(INTEGER, words)


def worth_request_schemas(schema: Callable[[Parameter], Json], most: int) -> dict[str, Json]:
    """Return the schemas of the request by name.

    Parameters
    ----------
    schema
        Makes the schema of one parameter.
    most
        Most habits.
    """

    def described(table: dict[str, Parameter]) -> Json:
        return {name: {**schema(each), "description": each.help} for name, each in table.items()}

    habits = list_schema(ref("Habit"), "Where, when and for how much the person goes out.")
    return {
        "Habit": {
            "type": "object",
            "required": [name for name, each in HABIT_PARAMETERS.items() if each.required],
            "additionalProperties": False,
            "properties": described(HABIT_PARAMETERS),
        },
        "WorthQuery": {
            "type": "object",
            "required": ["habits"],
            "additionalProperties": False,
            "properties": {
                "habits": habits | {"minItems": 1, "maxItems": most},
                **described(WORTH_PARAMETERS),
            },
        },
    }
