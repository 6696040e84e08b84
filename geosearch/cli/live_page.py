"""Sections of docs/reference.md about live changes."""

from collections.abc import Iterator

from geosearch.cli.live import CHANGE_EXAMPLES
from geosearch.cli.markdown import section
from geosearch.live.changes import CHANGE_CODES, MOST_LINES

CHANGES = (
    ("deals", "patch", "`stock`", "pieces left: a number, null for no limit, or `{\"add\": -1}`, "
     "which needs a `change_id` and is refused below 0"),
    ("deals", "patch", "`valid_through`", "last valid day; null for no last day"),
    ("deals", "row", "", "a new deal, or all fields of a known one; its card and merchants exist"),
    ("deals", "delete", "", "the deal is gone"),
    ("programs", "patch", "`status`", "`ACTIVE`, `SUSPENDED` or `ENDED`: the deals of a card that "
     "is not `ACTIVE` are not usable"),
    ("programs", "row", "", "a new card, or all fields of a known one"),
    ("programs", "delete", "", "the card is gone, and its deals with it"),
    ("merchants", "patch", "`business_status`", "`CLOSED_PERMANENTLY` is never returned and may "
     "open again, `CLOSED_TEMPORARILY` is closed whatever the hours say"),
    ("merchants", "patch", "`closures`", "list of `{\"from\", \"until\", \"reason\"}`, instants: "
     "closed then, whatever the hours say; null for none"),
    ("merchants", "row", "", "a new shop, or all fields of a known one; the deals that name it, or "
     "its brand, hold there"),
    ("merchants", "delete", "", "the shop is gone, with its deals there"),
)  # fmt: skip
"""What may change: table, kind of change, field, meaning."""

_ROUTES = (
    ("`POST /v1/changes`", "One change, or one a line (`application/x-ndjson`), at most "
     f"{MOST_LINES:,} lines, uncompressed. 200 after all that is accepted is durable: "
     "`{\"seq\", \"accepted\", \"stale\", \"duplicate\", \"rejected\": "
     "[{\"line\", \"code\", \"detail\"}], \"warnings\"}`. Readers show them soon after: "
     "one that comes alone at once, those of a stream together, some times a second; `min_seq` "
     "waits for them"),
    ("`GET /v1/changes?after=&limit=&wait=`", "The accepted changes after a number, in order, with "
     "`seq` and `accepted_at`; waits up to `wait` seconds, at most 30, for the first"),
    ("`GET /v1/versions`", "The served version and its files: `path`, `bytes`, `xxh3` (XXH3-128 in "
     "hex)"),
    ("`GET /v1/versions/{version}/{path}`", "A file of a version that is kept, or a `Range` of it"),
    ("`GET /healthz`", "The process answers; needs no token"),
    ("`GET /metrics`", "Prometheus: head, visible, lag, outcomes, seconds; needs no token"),
)  # fmt: skip


def live_sections() -> Iterator[str]:
    """Yield the sections."""
    words = (
        "A change is a JSON object: `table`, and `row` (a whole row of a snapshot's table, which "
        "adds or replaces), `patch` (an object with the id of the row and the fields that change; "
        "null removes) or `delete` (an id). Rows are checked by a snapshot's rules, with the same "
        "codes and sentences; `warnings` lists what an accepted row lost. Optional: `change_id` "
        "(the same id "
        "again is a duplicate and changes nothing) and `version` (a number that grows in the "
        "source; an older one than that of an accepted change of the row is stale). `geosearch "
        "change` takes a file of them, `geosearch ingest` a request, `geosearch.Writer(index)."
        "apply(changes)` a list. `seq` counts the accepted changes from 1 without gaps. An answer "
        "has all changes up to its `as_of_seq` and no other."
    )
    rows = ((f"`{table}`", op, field, text) for table, op, field, text in CHANGES)
    yield section("Live changes", words, ("table", "change", "field", "meaning"), rows)
    yield "### Examples of changes\n"
    for said, line in CHANGE_EXAMPLES:
        yield f"{said}:\n\n```json\n{line}\n```\n"
    yield section(
        "Routes of geosearch ingest",
        "Requests carry `Authorization: Bearer TOKEN`; `token_file` has the token. `geosearch "
        "replicate INDEX --from URL` fetches the versions of that service and has its changes "
        "under the same numbers, and `geosearch serve` answers from INDEX: [replicas.md]"
        "(replicas.md). Where you copy the files of an index yourself, `geosearch ingest --index "
        "COPY --from URL` has the changes.",
        ("route", "what it answers"),
        _ROUTES,
    )
    yield section(
        "Why a change is rejected",
        "Codes of `rejected`. A bad line rejects that line only. A whole row is also rejected with "
        "the codes of a snapshot's rows.",
        ("code", "meaning"),
        ((f"`{code}`", text) for code, text in CHANGE_CODES.items()),
    )
