"""No row is ever lost: good and bad rows in any mixture are accepted or rejected, each once."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import geosearch.snapshot.source
from geosearch.snapshot.csv_records import rows_of_csv
from geosearch.snapshot.plausibility import PROBABLE_CODES
from geosearch.snapshot.reader import read_snapshot
from tests.geosearch.snapshot_files import Row, deal, merchant, ndjson, write_snapshot

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
GOOD_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "name": texts.filter(lambda text: text.strip() != ""),
    "brand": texts,
    "lat": st.floats(-90, 90) | st.integers(-90, 90),
    "rating": st.floats(0, 5),
    "rating_count": st.integers(0, 10**9),
    "tags": st.lists(texts, max_size=3),
    "phone": st.sampled_from(["5", "1e3", "true", "[1]", "021-1"]),
}
good_changes = st.fixed_dictionaries({}, optional=GOOD_VALUES)
any_changes = st.dictionaries(st.sampled_from([*GOOD_VALUES, "merchant_id", "crs"]), anything)
broken_lines = st.sampled_from(
    [b"{", b"[]", b'{"a": 1}', b"\xff", b"", b"  ", b"nul", b'"x"', b"{}{}"]
)


@given(
    st.lists(
        st.tuples(st.just("good"), good_changes)
        | st.tuples(st.just("any"), any_changes)
        | broken_lines,
        max_size=12,
    ),
    st.sampled_from([1, 300, 1 << 20]),
)
def test_every_row_is_accepted_or_rejected_once(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[str, Row] | bytes],
    block_bytes: int,
) -> None:
    lines: list[Row | bytes] = []
    good = []
    for number, item in enumerate(drawn):
        if isinstance(item, bytes):
            lines.append(item)
            continue
        lines.append(merchant(number, **item[1]))
        if item[0] == "good":
            good.append(number + 1)
    folder = write_snapshot(tmp_path_factory.mktemp("s"), {"merchants": lines, "deals": []})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geosearch.snapshot.source.line_blocks, "__defaults__", (block_bytes,))
        snapshot = read_snapshot(folder, max_rejected=1)
    rejected = [e.line for e in snapshot.rejects.entries if e.kind == "reject"]
    accepted = snapshot.merchants["line"].to_list()
    filled = [n for n, line in enumerate(lines, 1) if not isinstance(line, bytes) or line.strip()]
    assert sorted(accepted + rejected) == filled
    assert set(good) <= set(accepted)
    warnings = (e for e in snapshot.rejects.entries if e.kind == "warning")
    # A good row may look odd all the same.
    warned = {e.line for e in warnings if e.code not in PROBABLE_CODES}
    assert not warned & set(good)
    for row in snapshot.merchants.to_dicts():
        written = lines[row["line"] - 1]
        assert isinstance(written, dict)
        assert row["name"] == written["name"]
        if row["line"] not in warned:
            assert row["tags"] == [tag for tag in _list(written.get("tags")) if tag.strip()]
        assert abs(row["lat"] - written["lat"]) <= 0.51e-7


def _list(tags: Any) -> list[str]:
    loaded: list[str] = json.loads(tags) if isinstance(tags, str) else tags
    return loaded or []


csv_texts = st.text(st.sampled_from('ab",\n\r é|'), max_size=5)


@given(st.lists(csv_texts, min_size=1, max_size=8), st.booleans())
def test_csv_gives_every_text_back(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], cut: bool
) -> None:
    out = io.StringIO()
    rows = [(f"m{number}", f"x{name}x", "1", "2") for number, name in enumerate(names)]
    csv.writer(out, lineterminator="\r\n").writerows([("merchant_id", "name", "lat", "lng"), *rows])
    folder = write_snapshot(tmp_path_factory.mktemp("s"), {"deals": []})
    (folder / "merchants.ndjson").unlink()
    data = out.getvalue().encode()
    (folder / "merchants.csv").write_bytes(data[:-2] if cut else data)
    snapshot = read_snapshot(folder, max_rejected=1)
    assert snapshot.rejects.entries == []
    assert snapshot.merchants["name"].to_list() == [row[1] for row in rows]


@given(
    st.lists(
        st.sampled_from(["a,x,1,2", 'b,"x', 'c,y",1,2', "d,1", 'e,"y\nz",1,2', "", "f,x,y,z", '"']),
        max_size=9,
    )
)
def test_broken_csv_loses_no_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = write_snapshot(tmp_path_factory.mktemp("s"), {"deals": []})
    (folder / "merchants.ndjson").unlink()
    text = "\n".join(["merchant_id,name,lat,lng", *lines])
    (folder / "merchants.csv").write_text(text, encoding="utf-8")
    snapshot = read_snapshot(folder, max_rejected=1)
    numbers = snapshot.merchants["line"].to_list()
    numbers += [entry.line for entry in snapshot.rejects.entries]
    rows = dict(rows_of_csv(folder / "merchants.csv", set(numbers)))
    covered: list[int] = []
    for number in numbers:
        row = rows[number]
        inside = "".join(row.values()).count("\n") if isinstance(row, dict) else 0
        covered += range(number, number + inside + 1)
    assert len(covered) == len(set(covered))
    filled = {number for number, line in enumerate(text.split("\n"), 1) if line.strip()}
    assert filled - {1} <= set(covered)


@given(st.data())
def test_links_are_those_of_a_plain_loop(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    status = st.sampled_from([None, "OPERATIONAL", "CLOSED_PERMANENTLY"])
    brand = st.sampled_from([None, "p", "q", "r"])
    shops = data.draw(st.lists(st.tuples(brand, status), max_size=6))
    merchants = [merchant(n, brand=b, business_status=s) for n, (b, s) in enumerate(shops)]
    ids = st.lists(st.sampled_from([f"m{n}" for n in range(7)]), max_size=4)
    offers = data.draw(st.lists(st.tuples(ids, brand), max_size=6))
    deals = [deal(n, merchant_ids=i, brand=b) for n, (i, b) in enumerate(offers)]
    folder = write_snapshot(tmp_path_factory.mktemp("s"), {"merchants": merchants, "deals": deals})
    snapshot = read_snapshot(folder, max_rejected=1)

    known = {row["merchant_id"]: n for n, row in enumerate(merchants)}
    expected: list[tuple[str, str]] = []
    accepted = []
    for number, (names, b) in enumerate(offers):
        if names:
            if not set(names) <= known.keys():
                continue
            places = list(dict.fromkeys(names))
        else:
            places = [f"m{n}" for n, shop in enumerate(shops) if b is not None and shop[0] == b]
            if not places:
                continue
        accepted.append(f"d{number}")
        still = [m for m in places if shops[known[m]][1] != "CLOSED_PERMANENTLY"]
        expected += [(f"d{number}", m) for m in still]
    assert snapshot.deals["deal_id"].to_list() == accepted
    deal_ids, merchant_ids = snapshot.deals["deal_id"], snapshot.merchants["merchant_id"]
    assert [(deal_ids[d], merchant_ids[m]) for d, m in snapshot.deal_merchants.rows()] == expected


def test_bytes_of_a_bad_row_are_found_again(tmp_path: Path) -> None:
    lines: list[Row | bytes] = [merchant(0), b"{broken", merchant(1, lat=91), merchant(2, odd=1)]
    snapshot = read_snapshot(write_snapshot(tmp_path / "s", {"merchants": lines}), max_rejected=1)
    snapshot.rejects.write(tmp_path / "rejected.ndjson")
    written = [json.loads(x) for x in (tmp_path / "rejected.ndjson").read_bytes().splitlines()]
    assert [row["row"] for row in written] == ["{broken", lines[2], lines[3]]
    assert ndjson(lines).count(b"\n") == 4
