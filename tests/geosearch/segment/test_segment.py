"""A segment is opened whole or refused with a sentence that names the file."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import xxhash

from geosearch.errors import BadData
from geosearch.segment.columns import Columns
from geosearch.segment.segment import Segment
from indexes.storage import FORMAT_VERSION, FolderWriter, open_folder
from tests.geosearch.every_column import EVERY_COLUMN, open_every_part
from tests.geosearch.number_worlds import Shape, open_world, trees_without, write_world

DOCS = 200


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("segment") / "segment-0000", Shape(docs=DOCS))


@pytest.fixture(scope="module")
def segment(written: Path) -> Segment:
    return Segment(written)


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "segment-0000"))


def rewritten(folder: Path, target: Path, **changes: Any) -> Path:
    """The same segment, whole and with right checksums, but for some columns; None leaves out."""
    columns, manifest = open_folder(folder)
    own = ("format_version", "files")
    with FolderWriter(target) as writer:
        for name, column in columns.items():
            changed = changes.get(name, column)
            if changed is not None:
                writer.add(name, changed)
        writer.finish({key: value for key, value in manifest.items() if key not in own})
    return target


# --- what it knows -------------------------------------------------------------------------------


def test_columns_are_read_only(segment: Segment) -> None:
    assert len(segment) == DOCS
    for name in Columns._fields:
        assert not getattr(segment.columns, name).flags.writeable, name


def test_ids_lead_to_documents_and_back(segment: Segment) -> None:
    for doc in range(DOCS):
        merchant_id = segment.merchant_id(doc)
        assert segment.doc_of(merchant_id) == doc
        assert orjson.loads(segment.merchant_payload(doc))["merchant_id"] == merchant_id
    for stranger in ("", "m", "m000000x", "m999999", "店"):
        assert segment.doc_of(stranger) is None


def test_id_ranks_follow_the_ids(segment: Segment) -> None:
    ids = sorted(segment.merchant_id(doc) for doc in range(DOCS))
    assert segment.id_rank_through("") == -1
    assert segment.id_rank_through("z") == DOCS - 1
    for rank, one in enumerate(ids):
        assert segment.id_rank_through(one) == rank
        assert segment.id_rank_through(one + "x") == rank
        assert segment.columns.doc_record[segment.doc_of(one), 1] == rank


def test_deals_are_numbered_by_id(segment: Segment) -> None:
    ids = [segment.deal_id(deal) for deal in range(segment.manifest["deals"])]
    assert ids == sorted(ids)
    assert [orjson.loads(segment.deal_payload(n))["deal_id"] for n in range(len(ids))] == ids


def test_live_documents(segment: Segment) -> None:
    assert segment.live_docs() == DOCS
    assert all(segment.is_live(doc) for doc in range(DOCS))
    some = np.array([0, 63, 64, 199], np.uint32)
    assert segment.live_docs(some) == 4
    other = Segment.__new__(Segment)
    other._trees = dict(segment._trees)
    other._trees = trees_without(other, [0, *range(128, DOCS)])
    assert (other.live_docs(), other.live_docs(some)) == (127, 2)
    assert [doc for doc in (0, 1, 63, 64, 127, 128, 199) if other.is_live(doc)] == [1, 63, 64, 127]


def test_postings_of_programmes_are_their_documents(segment: Segment) -> None:
    for number in range(len(segment.catalogue.programs)):
        docs = segment.program_docs(number).tolist()
        assert docs == sorted(set(docs))
    assert segment.program_numbers.keys() == {"card0", "card1"}
    assert segment.zone_numbers == {}
    assert segment.zone_index.holding(121.0, 31.0) == []


def test_hot_columns_are_few_bytes_a_merchant(tmp_path: Path) -> None:
    segment = open_world(tmp_path / "segment-0000", Shape(docs=20_000))
    assert segment.hot_bytes() <= 200 * len(segment)


# --- what it refuses -----------------------------------------------------------------------------


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_every_damaged_file_is_refused_by_name(copy: Path) -> None:
    """A byte flipped in the middle of any file, one file at a time."""
    refused = 0
    for file in files(copy):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0x10
        whole = file.read_bytes()
        file.write_bytes(content)
        with pytest.raises(BadData, match=re.escape(str(copy))) as caught:
            open_every_part(copy, verify="full")
        assert file.name in str(caught.value) or file.name == "manifest.json"
        assert "Expected" in str(caught.value)
        file.write_bytes(whole)
        refused += 1
    assert refused > len(Columns._fields)
    assert len(open_every_part(copy)) == DOCS


@pytest.mark.parametrize("size", [0, 100, -1])
def test_every_truncated_file_is_refused_by_name(copy: Path, size: int) -> None:
    for file in files(copy):
        whole = file.read_bytes()
        file.write_bytes(whole[:size])
        with pytest.raises(BadData, match="Expected") as caught:
            open_every_part(copy)
        assert file.name in str(caught.value)
        file.write_bytes(whole)


def test_every_missing_file_is_refused_by_name(copy: Path) -> None:
    for file in files(copy):
        file.rename(copy.parent / "away")
        with pytest.raises(BadData, match="got none") as caught:
            open_every_part(copy)
        assert file.name in str(caught.value)
        (copy.parent / "away").rename(file)


def test_a_newer_version_is_refused(copy: Path) -> None:
    manifest = copy / "manifest.json"
    body = orjson.loads(manifest.read_bytes()) | {"format_version": FORMAT_VERSION + 1}
    del body["digest"]
    text = orjson.dumps(body)[:-1]
    digest = xxhash.xxh3_128_hexdigest(text).encode()
    manifest.write_bytes(text + b',"digest":"' + digest + b'"}\n')
    with pytest.raises(BadData, match=r"newer release - at `.*manifest\.json`"):
        open_every_part(copy)


@pytest.mark.parametrize("name", [name for name in EVERY_COLUMN if name != "catalogue"])
def test_a_column_of_another_type_is_refused(written: Path, tmp_path: Path, name: str) -> None:
    """Compiled code trusts the types, so a whole folder of wrong ones is refused too."""
    column = open_folder(written)[0][name]
    other = column.astype(np.float64 if column.dtype != np.float64 else np.int64)
    with pytest.raises(BadData, match=f"got {column.ndim}-dimensional {other.dtype}") as caught:
        open_every_part(rewritten(written, tmp_path / "s", **{name: other}))
    assert f"{name}.npy" in str(caught.value)


def test_a_column_of_another_shape_is_refused(written: Path, tmp_path: Path) -> None:
    flat = open_folder(written)[0]["node_box"].ravel()
    with pytest.raises(BadData, match=r"Expected 2-dimensional int32, got 1-dim.*node_box\.npy"):
        open_every_part(rewritten(written, tmp_path / "s", node_box=flat))


def test_a_column_that_is_not_there_is_refused(written: Path, tmp_path: Path) -> None:
    for name in ("node_box", "term_begin"):
        with pytest.raises(BadData, match=f"Expected column `{name}`, got none"):
            open_every_part(rewritten(written, tmp_path / name, **{name: None}))


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="got none - at"):
        open_every_part(tmp_path / "nowhere")
