"""What is a change, and what is refused with which code and sentence."""

import json
from typing import Any

import pytest
from hypothesis import given as random
from hypothesis import strategies as st

from geosearch.live.changes import CHANGE_CODES, ChangeRefused, read_change, read_logged

STOCK = {"deal_id": "d", "stock": 3}


def deals(**patch: Any) -> dict[str, Any]:
    return {"table": "deals", "patch": {"deal_id": "d", **patch}}


def shops(**patch: Any) -> dict[str, Any]:
    return {"table": "merchants", "patch": {"merchant_id": "m", **patch}}


CLOSED = {"from": "2026-11-22T00:00:00+08:00", "until": "2026-11-23T00:00:00+08:00"}

GOOD: list[tuple[dict[str, Any], str, str, dict[str, Any]]] = [
    (deals(stock=3), "patch", "d", {"stock": 3}),
    (deals(stock=3.0), "patch", "d", {"stock": 3}),
    (deals(stock=0), "patch", "d", {"stock": 0}),
    (deals(stock=None), "patch", "d", {"stock": None}),
    ({**deals(stock={"add": -1}), "change_id": "x"}, "patch", "d", {"stock": {"add": -1}}),
    ({"table": "deals", "delete": "d"}, "delete", "d", {}),
    (deals(valid_through="2026-12-01"), "patch", "d", {"valid_through": "2026-12-01"}),
    (shops(closures=[CLOSED]), "patch", "m", {"closures": [CLOSED]}),
    (
        shops(closures=[{**CLOSED, "reason": None}], business_status="CLOSED_TEMPORARILY"),
        *("patch", "m", {"closures": [CLOSED], "business_status": "CLOSED_TEMPORARILY"}),
    ),
    ({"table": "merchants", "delete": "店 1"}, "delete", "店 1", {}),
    (
        {"table": "programs", "patch": {"program_id": "p", "status": "SUSPENDED"}},
        *("patch", "p", {"status": "SUSPENDED"}),
    ),
    (
        {"table": "merchants", "patch": {"merchant_id": "m", "business_status": None}},
        *("patch", "m", {"business_status": None}),
    ),
]


def nested(text: str, levels: int) -> bytes:
    """A change that is itself `text`, with lists in lists in place of its zero."""
    return text.replace("0", "[" * levels + "]" * levels).encode()


DEEP = (
    '{"table": "merchants", "row": {"merchant_id": "m", "more": 0}}',
    '{"table": "merchants", "row": {"merchant_id": "m", "closures": 0}}',
    '{"table": "merchants", "patch": {"merchant_id": "m", "closures": 0}}',
    '{"table": "deals", "delete": 0}',
)

BAD: list[tuple[Any, str, str]] = [
    *((nested(text, 253), "wrong_type", "Expected at most 254 levels of") for text in DEEP[:3]),
    *((nested(text, 900), "wrong_type", "Expected at most 254 levels of") for text in DEEP),
    (nested(DEEP[0], 9_000), "not_json", "Expected a JSON object, got "),
    (b"{", "not_json", "Expected a JSON object, got "),
    (b"[1]", "not_json", "Expected a JSON object, got [1]"),
    (b'"\xff"', "not_json", "Expected a JSON object, got "),
    (b"NaN", "not_json", "Expected a JSON object, got "),
    ({"delete": object()}, "not_json", "Expected a JSON object, got "),
    (b" " * 70_000, "too_long", "Expected a change of at most 65536 bytes, got 70000"),
    (
        {"delete": "d"},
        "unknown_table",
        "Expected `table` to be one of merchants, deals, programs, got nothing",
    ),
    ({"table": ["deals"]}, "unknown_table", "Expected `table` to be one of "),
    ({"table": "deals"}, "missing_field", "Expected one of `row`, `patch` and `delete`"),
    (
        {"table": "deals", "delete": "d", "patch": STOCK},
        *("two_for_one", "Expected one of `row`, `patch` and `delete`, got `patch` and `delete`"),
    ),
    ({"table": "deals", "delete": "d", "seq": 1}, "unknown_field", "Expected members "),
    ({"table": "deals", "delete": 7}, "wrong_type", "Expected `deal_id` in `delete` to be text"),
    ({"table": "deals", "delete": " "}, "bad_id", "Expected `deal_id` of at most 255 characters"),
    ({"table": "deals", "delete": "a\n"}, "bad_id", "Expected `deal_id` of at most"),
    ({"table": "deals", "delete": "a" * 256}, "bad_id", "Expected `deal_id` of at most"),
    ({"table": "deals", "patch": []}, "wrong_type", "Expected `patch` to be an object, got []"),
    ({"table": "deals", "patch": {"stock": 1}}, "missing_field", "Expected `deal_id` in `patch`"),
    (deals(), "missing_field", "Expected a field to change in `patch`, got nothing"),
    (deals(stok=1), "unknown_field", 'Expected fields of deals, got "stok" - at `patch`'),
    (deals(stock="3"), "wrong_type", 'Expected `stock` to be a whole number, got "3"'),
    (deals(stock=1.5), "wrong_type", "Expected `stock` to be a whole number, got 1.5"),
    (deals(stock=True), "wrong_type", "Expected `stock` to be a whole number, got true"),
    (deals(stock=-1), "out_of_range", "Expected `stock` in [0, 2000000000], got -1"),
    (deals(stock=2_000_000_001), "out_of_range", "Expected `stock` in [0, 2000000000], got "),
    (deals(stock={"add": -1}), "no_change_id", "Expected `change_id` of a change that adds"),
    (deals(stock={"add": 1.0}), "wrong_type", "Expected `stock` to be a whole number or"),
    (deals(stock={"add": 1, "to": 2}), "wrong_type", "Expected `stock` to be a whole number or"),
    ({**deals(stock={"add": 2**31}), "change_id": "x"}, "out_of_range", "Expected `add` in ["),
    ({**deals(stock=1), "change_id": 5}, "wrong_type", "Expected `change_id` in `change`"),
    ({**deals(stock=1), "version": "5"}, "wrong_type", "Expected `version` to be a whole number"),
    ({**deals(stock=1), "version": -1}, "out_of_range", "Expected `version` in [0, "),
    (
        b'{"table": "deals", "delete": "d0", "version": 18446744073709551616}',
        *("out_of_range", "Expected `version` in [0, "),
    ),
    (
        {"table": "programs", "patch": {"program_id": "p", "status": "PAUSED"}},
        "bad_enum",
        'Expected `status` to be one of ACTIVE, SUSPENDED, ENDED, got "PAUSED"',
    ),
    (
        {"table": "programs", "patch": {"program_id": "p", "status": 1}},
        *("wrong_type", "Expected `status` to be text, got 1"),
    ),
    ({"table": "deals", "row": "d"}, "wrong_type", "Expected `row` to be an object, got"),
    ({"table": "deals", "row": {"title": "x"}}, "missing_field", "Expected `deal_id`, got nothing"),
    ({"table": "deals", "row": {"deal_id": 7}}, "wrong_type", "Expected `deal_id` in `row` to be"),
    (deals(title="x"), "needs_build", "Expected a patch of `stock` or `valid_through`, got"),
    (deals(valid_through="2026-02-30"), "bad_date", "Expected `valid_through` as YYYY-MM-DD, got"),
    (deals(valid_through="20260228"), "bad_date", "Expected `valid_through` as YYYY-MM-DD, got"),
    (deals(valid_through=20260228), "wrong_type", "Expected `valid_through` to be text, got"),
    (shops(closures="today"), "wrong_type", "Expected `closures` to be a list of objects"),
    (shops(closures=[1]), "wrong_type", "Expected `closures` to be a list of objects, got [1]"),
    (shops(closures=[CLOSED] * 101), "out_of_range", "Expected at most 100 `closures`, got 101"),
    (shops(closures=[{}]), "bad_instant", "Expected `closures.from` as an RFC 3339 instant, got"),
    (
        shops(closures=[{**CLOSED, "until": "2026-11-23T00:00:00"}]),
        *("bad_instant", "Expected `closures.until` as an RFC 3339 instant, got"),
    ),
    (
        shops(closures=[{**CLOSED, "until": CLOSED["from"]}]),
        *("bad_order", "Expected `from` before `until`, got"),
    ),
    (shops(closures=[{**CLOSED, "reason": 5}]), "wrong_type", "Expected `closures.reason` to be"),
    (shops(closures=[{**CLOSED, "why": "x"}]), "wrong_type", "Expected members from, until"),
]


@pytest.mark.parametrize(("given", "op", "key", "fields"), GOOD)
@pytest.mark.parametrize("written", [False, True])
def test_a_change_is_read_and_written_alike(
    given: dict[str, Any], op: str, key: str, fields: dict[str, Any], written: bool
) -> None:
    change = read_change(json.dumps(given).encode() if written else given)
    values = {"patch": {f"{change.table[:-1]}_id": key, **fields}, "row": fields, "delete": key}
    assert (change.key, getattr(change, op)) == (key, values[op])
    assert [name for name in values if getattr(change, name) is not None] == [op]
    assert (change.change_id, change.version) == (given.get("change_id"), None)
    assert [read_change(change.as_json())] == read_logged([change.as_json()]) == [change]


TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
IDS = st.one_of(st.sampled_from(("d", "店 1", "add", "patch", '"')), TEXT).filter(
    lambda text: text.strip() and text.isprintable()
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
CLOSURE = st.fixed_dictionaries(
    {
        "from": st.just(CLOSED["from"]),
        "until": st.sampled_from((CLOSED["until"], "9998-12-31T00Z")),
    },
    optional={"reason": st.one_of(st.none(), TEXT)},
)
STOCKS = st.one_of(
    st.none(),
    st.integers(0, 2_000_000_000),
    st.integers(0, 99).map(float),
    st.builds(lambda pieces: {"add": pieces}, st.integers(-9, 9)),
)
PATCHES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "deals": {"stock": STOCKS, "valid_through": st.sampled_from(("2026-12-01", None))},
    "merchants": {
        "closures": st.one_of(st.none(), st.lists(CLOSURE, max_size=3)),
        "business_status": st.sampled_from(("OPERATIONAL", "CLOSED_TEMPORARILY", None)),
    },
    "programs": {"status": st.sampled_from(("ACTIVE", "SUSPENDED", "ENDED", None))},
}


@st.composite
def some_change(draw: st.DrawFn) -> dict[str, Any]:
    """Any change that may be valid, of each op."""
    table = draw(st.sampled_from(list(PATCHES)))
    key, key_name = draw(IDS), f"{table[:-1]}_id"
    op = draw(st.sampled_from(("row", "patch", "delete")))
    said: dict[str, Any] = {"table": table, op: key}
    if op == "row":
        said[op] = draw(st.dictionaries(TEXT, JSON, max_size=4)) | {key_name: key}
        if draw(st.booleans()):
            said[op]["stock"] = draw(JSON)
    if op == "patch":
        some = draw(st.fixed_dictionaries({}, optional=PATCHES[table]).filter(bool))
        said[op] = dict(draw(st.permutations([(key_name, key), *some.items()])))
    if draw(st.booleans()):
        said["change_id"] = draw(st.one_of(st.none(), IDS))
    if draw(st.booleans()):
        said["version"] = draw(st.one_of(st.none(), st.integers(0, 2**63 - 1), st.just(7.0)))
    return said


def test_a_logged_line_is_read_without_validation_as_with_it() -> None:
    read: dict[str, int] = {}

    @random(some_change())
    def check(said: dict[str, Any]) -> None:
        try:
            line = read_change(json.dumps(said).encode()).as_json()
        except ChangeRefused as refused:
            read[refused.code] = read.get(refused.code, 0) + 1
            return
        validated = read_change(line)
        (trusted,) = read_logged([line])
        assert trusted == validated
        # Equal values of other types are other rows: 1, 1.0 and True.
        assert repr(trusted) == repr(validated)
        assert trusted.as_json() == line
        (op,) = (op for op in ("row", "patch", "delete") if getattr(trusted, op) is not None)
        name = f"{trusted.table} {op}"
        read[name] = read.get(name, 0) + 1

    check()
    kinds = {f"{table} {op}" for table in PATCHES for op in ("row", "patch", "delete")}
    assert kinds <= read.keys(), read
    assert read.keys() - kinds <= {"not_json", "no_change_id", "bad_instant", "bad_id"}, read


@pytest.mark.parametrize("text", DEEP[:2])
def test_a_deep_row_is_read_back(text: str) -> None:
    change = read_change(nested(text, 252))
    assert read_logged([change.as_json()]) == [change]


@pytest.mark.parametrize(("given", "code", "sentence"), BAD)
def test_a_bad_change_is_refused_in_one_sentence(given: Any, code: str, sentence: str) -> None:
    with pytest.raises(ChangeRefused) as refused:
        read_change(given)
    assert refused.value.code == code
    assert refused.value.detail.startswith(sentence), refused.value.detail
    assert "\n" not in refused.value.detail
    assert code in CHANGE_CODES


def test_every_code_is_refused_here_or_by_the_state() -> None:
    by_state = {"unknown_merchant", "unknown_deal", "unknown_program", "unknown_brand"}
    assert {code for _, code, _ in BAD} | by_state == CHANGE_CODES.keys()
