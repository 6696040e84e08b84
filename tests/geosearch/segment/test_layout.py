"""The table of columns: complete, kept by what is written, and each promise refuses what breaks it.

Damage is written with right checksums here: nothing but the table stands before the kernels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from geosearch.errors import BadData
from geosearch.indexing.pipeline import SEGMENT, build
from geosearch.segment.card_trees import card_tree_types
from geosearch.segment.catalogue import Catalogue
from geosearch.segment.columns import column_types
from geosearch.segment.layout import SAMPLED
from geosearch.segment.segment import verify_version
from geosearch.segment.versions import current
from geosearch.sources.synth.world import synthesise
from geosearch.suggest import directory
from indexes.names.completion_lists import build_completions
from indexes.storage import FolderWriter, open_folder
from tests.geosearch.every_column import EVERY_COLUMN, check_every_column, open_every_part
from tests.geosearch.number_worlds import Shape, write_world

CREATED = datetime(2026, 11, 22, tzinfo=UTC)

Arrays = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough for cards with trees of their own, and for lists of completions."""
    folder = tmp_path_factory.mktemp("layout")
    synthesise(folder / "snapshot", merchants=6_000, seed=1, created_at=CREATED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directory, "build_completions", partial(build_completions, crowd=128))
        build(folder / "snapshot", folder / "index", now=CREATED)
    return current(folder / "index")


@pytest.fixture(scope="module")
def built(version: Path) -> tuple[Arrays, dict[str, Any]]:
    return open_folder(version / SEGMENT)


def test_every_stored_column_is_in_the_table(built: tuple[Arrays, dict[str, Any]]) -> None:
    assert EVERY_COLUMN.keys() == built[0].keys()
    types = column_types() | card_tree_types()
    assert types.keys() < EVERY_COLUMN.keys()
    for name, (dtype, _) in types.items():
        assert EVERY_COLUMN[name].dtype == dtype, name
    assert EVERY_COLUMN.keys() > set(SAMPLED)


def test_what_a_build_writes_keeps_every_promise(
    version: Path, built: tuple[Arrays, dict[str, Any]], tmp_path: Path
) -> None:
    check_every_column(built[0])
    assert len(open_every_part(version / SEGMENT)) == len(built[0]["doc_signature"])
    # No column that the table has a rule for may be there without a value it is tried on.
    empty = {name for name, column in built[0].items() if not column.size}
    assert empty == {"leaf_doc", "leaf_position", "leaf_schedule", "leaf_category_set"}
    for docs in (0, 1, 16, 17, 65):
        open_every_part(write_world(tmp_path / str(docs), Shape(docs=docs)))


@pytest.mark.parametrize("name", [name for name in EVERY_COLUMN if name != "catalogue"])
def test_every_column_has_the_length_that_others_say(
    built: tuple[Arrays, dict[str, Any]], name: str
) -> None:
    """A row less is refused, but in columns that alone say how many rows there are."""
    column = built[0][name]
    if not column.size:
        shorter = np.zeros((1, *column.shape[1:]), column.dtype)
    else:
        shorter = column[..., :-1] if name.startswith(("node_", "bound_")) else column[:-1]
    free = {"phrase_hash", "row_word", "entry_category", "card_tree"}
    if name in free - {"card_tree"}:
        check_every_column(built[0] | {name: shorter})
        return
    with pytest.raises(ValueError, match=r"Expected .* - at `folder/\w+\.npy`"):
        check_every_column(built[0] | {name: shorter})


def at(*place: int, to: Any) -> Callable[[NDArray[Any]], None]:
    def change(column: NDArray[Any]) -> None:
        column[place] = to

    return change


def bits(place: int, low: int, value: int) -> Callable[[NDArray[Any]], None]:
    """Set the lowest bits of a number."""

    def change(column: NDArray[Any]) -> None:
        column[place] = int(column[place]) >> low << low | value

    return change


def voucher_of_nothing(terms: NDArray[Any]) -> None:
    terms[terms[:, 0] == 2, 1] = 0


BROKEN = [
    # What documents lead to.
    ("doc_record", at(5, 0, to=1), "below 1, got 1"),  # time zone
    ("doc_record", at(5, 0, to=-1), "at least 0"),
    ("doc_record", at(5, 1, to=-1), "at least 0"),  # id rank
    ("doc_record", at(5, 1, to=10**6), "below"),
    ("doc_record", at(5, 2, to=-2), "at least -1"),  # price
    ("doc_record", at(5, 3, to=10_001), "below 10001"),  # probability
    ("doc_record", at(5, 5, to=5_001), "below 5001"),  # rating
    ("doc_position", at(5, 0, to=1_800_000_001), "below 1800000001"),
    ("doc_position", at(5, 1, to=-900_000_001), "at least -900000000"),
    ("doc_category_set", at(5, to=2**32 - 1), "below"),
    ("doc_area", at(5, to=10**5), "below"),
    ("doc_schedule", at(5, to=10**6), "below"),
    ("doc_live", at(-1, to=2**64 - 1), "no bit behind"),
    ("doc_by_id", at(5, to=10**6), "below"),
    # What offers and deals lead to.
    ("offer_start", at(5, to=0), "ascending starts"),
    ("offer_start", at(-1, to=2**31 - 1), "Expected starts from 0 to"),
    ("offer_start", at(0, to=1), "Expected starts from 0 to"),
    ("offer_deal", at(5, to=10**6), "below"),
    ("offer_window", at(5, to=10**6), "below"),
    ("offer_program", at(5, to=12), "below"),
    ("card_offer_start", at(5, to=0), "ascending starts"),
    ("card_offer_start", at(-1, to=2**31 - 1), "Expected starts from 0 to"),
    ("card_offer_deal", at(5, to=10**6), "below"),
    ("card_offer_window", at(5, to=10**6), "below"),
    ("card_offer_program", at(5, to=12), "below"),
    ("offer_group", at(5, to=5), "below 5"),
    ("card_offer_group", at(5, to=5), "below 5"),
    ("deal_terms", at(5, 0, to=6), "below 6, got 6 in field 0"),
    ("deal_terms", at(5, 0, to=-1), "at least 0"),
    ("deal_terms", at(5, 1, to=-1), "at least 0"),
    ("deal_terms", voucher_of_nothing, "vouchers of a value"),
    ("deal_terms", at(5, 5, to=0), "at least 1"),
    ("deal_on", at(-1, to=2**64 - 1), "no bit behind"),
    ("deal_new", at(-1, to=2**64 - 1), "no bit behind"),
    ("program_on", at(1, to=2), "below 2"),
    # Schedules.
    ("schedule_start", at(5, to=2**32 - 1), "ascending starts"),
    ("schedule_start", at(-1, to=2**32 - 1), "Expected starts from 0 to"),
    ("change_minute", at(0, to=1), "begin with 0"),
    ("change_minute", at(-1, to=64_800), "below 64800"),
    ("change_minute", at(-1, to=1), "ascending"),
    ("change_state", at(5, to=3), "below 3"),
    # The tree, lists of documents, cards' own trees.
    ("level_start", at(-1, to=10**9), "Expected \\[0, "),
    ("level_start", at(1, to=1), "Expected \\[0, "),
    ("node_rating", at(5, to=5_001), "below"),
    ("node_id_rank", at(5, to=2**32 - 1), "below"),
    ("bound_best", at(1, 5, to=np.nan), "Expected numbers"),
    ("bound_slope", at(1, 5, to=np.inf), "Expected numbers"),
    ("leaf_best", at(5, to=np.nan), "Expected numbers"),
    ("leaf_saving", at(5, to=np.inf), "Expected numbers"),
    ("leaf_stack_best", at(5, to=np.nan), "Expected numbers"),
    ("leaf_stack_saving", at(5, to=np.inf), "Expected numbers"),
    ("bound_stack_best", at(1, 5, to=np.nan), "Expected numbers"),
    ("program_start", at(5, to=2**64 - 1), "ascending starts"),
    ("program_start", at(-1, to=2**63), "Expected starts from 0 to"),
    ("program_docs", at(5, to=10**6), "below"),
    ("program_docs", at(5, to=0), "ascending numbers"),
    ("zone_start", at(5, to=2**64 - 1), "ascending starts"),
    ("zone_docs", at(5, to=10**6), "below"),
    ("card_tree", at(0, to=0), "at least 1"),
    ("card_tree", at(-1, to=12), "below 12"),
    ("card_tree", at(-1, to=11), "Expected shape"),  # another card, with another number of shops
    ("card_leaf_schedule", at(5, to=10**6), "below"),
    ("card_leaf_category_set", at(5, to=10**6), "below"),
    ("card_leaf_position", at(5, to=2**31 - 1), "below"),
    ("card_leaf_best", at(5, to=np.nan), "Expected numbers"),
    ("card_leaf_saving", at(5, to=np.inf), "Expected numbers"),
    ("card_leaf_stack_best", at(5, to=np.nan), "Expected numbers"),
    ("card_leaf_stack_saving", at(5, to=np.inf), "Expected numbers"),
    ("card_bound_stack_best", at(5, to=np.nan), "Expected numbers"),
    ("card_node_id_rank", at(5, to=2**32 - 1), "below"),
    ("card_node_rating", at(5, to=-2), "at least -1"),
    ("card_bound_best", at(5, to=np.nan), "Expected numbers"),
    # Text.
    ("term_key", at(5, to=0), "ascending"),
    ("term_begin", at(5, to=2**32 - 1), "below"),
    ("term_doc_freq", at(5, to=2**32 - 1), "below"),
    ("posting_doc", at(5, to=10**6), "below"),
    ("phrase_hash", at(5, to=0), "ascending"),
    ("word_row", at(5, to=10**6), "below"),
    ("row_word", at(5, to=10**6), "below"),
    ("word_start", at(5, to=2**32 - 1), "ascending starts"),
    ("word_order", at(5, to=10**6), "below"),
    ("word_best", at(5, to=10**6), "below"),
    ("word_bucket", at(5, to=2**32 - 1), "ascending starts"),
    ("word_deletion", at(5, to=2**32 - 1), "lowest bits"),
    # Suggestions.
    ("complete_key_text", at(-1, to=1), "a zero at the end"),
    ("complete_key_start", at(5, to=2**32 - 1), "below"),
    ("complete_key_item", at(5, to=2**32 - 16), "below"),
    ("complete_key_item", bits(5, 4, 12), "below 12"),  # way of typing
    ("complete_item_kind", at(5, to=4), "below 4"),
    ("complete_item_bound", at(5, to=np.nan), "Expected numbers"),
    ("complete_item_start", at(5, to=2**32 - 1), "ascending starts"),
    ("complete_item_docs", at(5, to=10**6), "below"),
    ("complete_list_range", at(0, to=2**62), "ascending|Expected"),
    ("complete_list_start", at(5, to=2**32 - 1), "ascending starts"),
    ("complete_list_key", at(5, to=10**6), "below"),
    ("complete_scoring", at(5, to=np.nan), "Expected numbers"),
    ("complete_scoring", at(-1, to=0.0), "a distance above 0"),
    ("entry_text_start", at(5, to=2**32 - 1), "ascending starts"),
    ("entry_other_start", at(5, to=2**32 - 1), "ascending starts"),
    ("entry_with_other", at(-1, to=10**6), "below"),
    # Stored text.
    ("zone_shape_start", at(5, to=2**64 - 1), "ascending starts"),
    ("merchant_id_start", at(5, to=2**64 - 1), "ascending starts"),
    ("merchant_payload_start", at(5, to=2**64 - 1), "ascending starts"),
    ("deal_id_start", at(5, to=2**64 - 1), "ascending starts"),
    ("deal_payload_start", at(5, to=2**64 - 1), "ascending starts"),
    ("deal_payload_start", at(-1, to=1), "Expected starts from 0 to"),
]
"""A column, a change of it, and what is told: a line for each way to lead a kernel astray."""


@pytest.mark.parametrize(("name", "change", "told"), BROKEN)
def test_a_broken_promise_is_refused(
    built: tuple[Arrays, dict[str, Any]],
    name: str,
    change: Callable[[NDArray[Any]], None],
    told: str,
) -> None:
    column = built[0][name].copy()
    change(column)
    with pytest.raises(ValueError, match=f"Expected.*(?:{told}).* - at `folder/{name}.npy`|{told}"):
        check_every_column(built[0] | {name: column})


def test_every_column_with_a_rule_is_broken_once() -> None:
    ruled = {name for name, column in EVERY_COLUMN.items() if column.rules}
    told = {"bound_best", "bound_slope"}
    like = {name for name in EVERY_COLUMN if name.startswith("bound_")} - told
    like |= {f"card_{name}" for name in EVERY_COLUMN if name.startswith("bound_")}
    # The large tree has no leaf columns of its own but bounds.
    like |= {"leaf_doc", "leaf_position", "leaf_schedule", "leaf_category_set"}
    assert ruled - {name for name, _, _ in BROKEN} - like == set()


def test_a_segment_that_breaks_a_promise_is_bad_data(
    built: tuple[Arrays, dict[str, Any]], tmp_path: Path
) -> None:
    arrays, manifest = built
    area = arrays["doc_area"].copy()
    area[7] = 2**31
    for name, column, told in (
        ("doc_area", area, "Expected numbers below"),
        ("catalogue", np.frombuffer(b"no msgpack", np.uint8), "Expected a catalogue, got: "),
    ):
        folder = tmp_path / name
        with FolderWriter(folder) as writer:
            for other, whole in arrays.items():
                writer.add(other, column if other == name else whole)
            own = ("format_version", "files")
            writer.finish({key: value for key, value in manifest.items() if key not in own})
        with pytest.raises(BadData, match=f"{told}.*{re.escape(str(folder))}/{name}.npy"):
            open_every_part(folder)


def test_a_version_is_verified_to_its_last_byte(version: Path) -> None:
    verify_version(version)
    verify_version(version.parent)  # No segment, nothing to compare: opening it says that.
    file = version / SEGMENT / "deal_payload.npy"
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(BadData, match=r"altered bytes .* - at `.*/deal_payload\.npy`"):
            verify_version(version)
        file.write_bytes(whole[:-1])
        with pytest.raises(BadData, match=r"truncated - at `.*/deal_payload\.npy`"):
            verify_version(version)
    finally:
        file.write_bytes(whole)


def test_a_catalogue_says_how_many_there_are(built: tuple[Arrays, dict[str, Any]]) -> None:
    """One name less than numbers of it, in each of its tables."""
    catalogue = Catalogue.decode(built[0]["catalogue"].tobytes())
    for name in ("programs", "category_sets", "areas", "time_zones", "zones"):
        shorter = msgspec.structs.replace(catalogue, **{name: getattr(catalogue, name)[:-1]})
        content = np.frombuffer(shorter.encode(), np.uint8)
        with pytest.raises(ValueError, match="Expected"):
            check_every_column(built[0] | {"catalogue": content})
