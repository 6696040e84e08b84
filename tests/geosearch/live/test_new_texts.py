from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from geosearch.live.moment import UNLIMITED
from geosearch.live.new_texts import (
    DEAL_VALUE,
    NewTexts,
    TextStore,
    with_members,
    with_stock_and_end,
)
from geosearch.segment.texts import Texts

FIELDS = ("deal_id", "stock", "valid_through")
MEMBERS = ("merchant_id", "business_status", "closures")


def texts_of(records: list[dict[str, Any]]) -> Texts:
    texts = [orjson.dumps(record) for record in records]
    starts = np.cumsum([0, *map(len, texts)], dtype=np.uint64)
    return Texts({"a": np.frombuffer(b"".join(texts), np.uint8), "a_start": starts}, "a")


def deals(*values: tuple[int, bytes]) -> NDArray[Any]:
    return np.array([*values], DEAL_VALUE)


def test_only_texts_that_differ_from_the_moment_before_are_written() -> None:
    built = texts_of([{"deal_id": f"d{number}", "stock": 9} for number in range(6)])
    written: list[str] = []

    def rewrite(record: dict[str, Any], value: NDArray[Any]) -> None:
        written.append(record["deal_id"])
        with_stock_and_end(record, value)

    store, before = TextStore(), None
    for rows, values, new in (
        ([1, 4], deals((0, b""), (UNLIMITED, b"2026-12-01")), ["d1", "d4"]),
        ([1, 4], deals((0, b""), (UNLIMITED, b"2026-12-01")), []),
        ([0, 1, 4], deals((3, b""), (0, b""), (UNLIMITED, b"2026-12-02")), ["d0", "d4"]),
        ([1, 5], deals((0, b""), (9, b"")), ["d5"]),
        ([], deals(), []),
        ([1], deals((0, b"")), ["d1"]),
    ):
        written.clear()
        chosen = np.array(rows, np.uint32)
        before = NewTexts(
            built, store, before, rows=chosen, values=values, fields=FIELDS, rewrite=rewrite
        )
        assert written == new
        for row, (left, end) in zip(rows, values.tolist(), strict=True):
            record = orjson.loads(before(row))
            assert record["deal_id"] == f"d{row}"
            assert record.get("stock", UNLIMITED) == left
            assert record.get("valid_through", "") == end.decode()
        assert orjson.loads(before(2)) == {"deal_id": "d2", "stock": 9}


def test_members_are_compared_as_they_are() -> None:
    built = texts_of([{"merchant_id": "m", "business_status": "OPERATIONAL"}] * 3)
    first: dict[str, Any] = {"business_status": "CLOSED_TEMPORARILY", "closures": []}
    other = {"business_status": "OPERATIONAL", "closures": [{"from": "a", "until": "b"}]}
    store, before, lengths = TextStore(), None, []
    for members in ([first, other], [dict(first), other], [other, other]):
        values = np.empty(2, np.object_)
        values[:] = members
        before = NewTexts(
            built,
            store,
            before,
            rows=np.array([0, 2], np.uint32),
            values=values,
            fields=MEMBERS,
            rewrite=with_members,
        )
        lengths.append(before.spans[:, 1].max())
        assert "closures" in orjson.loads(before(2))
        assert ("closures" in orjson.loads(before(0))) == (members[0] is other)
    assert lengths[0] == lengths[1] < lengths[2]
