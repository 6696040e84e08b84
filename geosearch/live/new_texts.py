"""Stored objects of merchants and deals with other values than in the snapshot."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from geosearch.live.moment import UNLIMITED
from geosearch.segment.texts import Texts
from indexes.arrays import I64, U8, U32

Record = dict[str, Any]


class TextStore:
    """Texts of all moments of a segment, one after another; nobody changes one that is there."""

    def __init__(self) -> None:
        self._text = np.zeros(0, np.uint8)
        self._used = 0
        self._appending = Lock()

    def append(self, texts: Sequence[bytes]) -> int:
        """Append texts; return where they begin."""
        joined = b"".join(texts)
        with self._appending:
            begin, self._used = self._used, self._used + len(joined)
            if self._used > len(self._text):
                text = np.zeros(2 * self._used, np.uint8)
                text[:begin] = self._text[:begin]
                self._text = text
            self._text[begin : self._used] = np.frombuffer(joined, np.uint8)
        return begin

    def view(self) -> U8:
        """All texts so far, read-only."""
        view = self._text[:]
        view.flags.writeable = False
        return view


class NewTexts(Texts):
    """Texts by row, some of them replaced.

    Parameters
    ----------
    built
        The texts of the build.
    store
        Keeps the replaced ones of all moments.
    before
        Those of an earlier moment.
    rows, values
        Rows with a replaced text, ascending, and what decides the text of each; an array whose
        elements can be compared.
    fields
        Names of members in their stored order, which `put_members` relies on.
    rewrite
        Changes the decoded object of a row by its value.
    """

    def __init__(
        self,
        built: Texts,
        store: TextStore,
        before: "NewTexts | None",
        *,
        rows: U32,
        values: NDArray[Any],
        fields: Sequence[str],
        rewrite: Callable[[Record, Any], None],
    ) -> None:
        self.__dict__.update(built.__dict__)
        self._built = built
        self.rows, self._values = rows, values
        self.spans = np.zeros((len(rows), 2), np.int64)
        """Where the replaced texts begin and end in `text`."""
        fresh = np.arange(len(rows)) if before is None else self._take_over(before)
        texts = []
        for row in fresh.tolist():
            record = orjson.loads(built(int(rows[row])))
            rewrite(record, values[row])
            texts.append(orjson.dumps({name: record[name] for name in fields if name in record}))
        lengths = np.array([len(text) for text in texts], np.int64)
        ends = store.append(texts) + np.cumsum(lengths)
        self.spans[fresh, 0], self.spans[fresh, 1] = ends - lengths, ends
        self.text = store.view()

    def __call__(self, row: int) -> memoryview:
        """Bytes of a row, without a copy."""
        at = int(np.searchsorted(self.rows, row))
        if at < len(self.rows) and self.rows[at] == row:
            begin, end = self.spans[at].tolist()
            return self.text.data[begin:end]
        return self._built(row)

    def _take_over(self, before: "NewTexts") -> I64:
        """Take over the texts of an earlier moment; return the places of those that differ."""
        # A moment may have a hundred thousand changed deals, so no loop of Python looks at all.
        if not len(before.rows):
            return np.arange(len(self.rows))
        at = np.minimum(np.searchsorted(before.rows, self.rows), len(before.rows) - 1)
        same = (before.rows[at] == self.rows) & (before._values[at] == self._values)
        self.spans[same] = before.spans[at[same]]
        return np.flatnonzero(~same)


DEAL_VALUE = np.dtype([("left", np.int64), ("end", "S10")])
"""What decides the text of a deal: its pieces left, `UNLIMITED` without a limit, and its last day,
ISO, empty = as in the snapshot."""


def with_stock_and_end(record: Record, value: NDArray[Any]) -> None:
    """Give a deal its pieces left and its last day, from a `DEAL_VALUE`.

    The object of a deal without a limit has no member `stock`.
    """
    left, end = value.item()
    record.pop("stock", None)
    if left != UNLIMITED:
        record["stock"] = left
    if end:
        record["valid_through"] = end.decode()


def with_members(record: Record, members: Record) -> None:
    """Give a merchant other members; it has no empty list of closures."""
    record |= members
    if not record["closures"]:
        del record["closures"]
