"""Opened segment: memory-mapped columns, ids and texts by number, payloads by document.

It turns a doc id into a merchant, and has the arrays that the kernel reads.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from geosearch.errors import BadData
from geosearch.money.offers import OFFER_TYPES, TYPE
from geosearch.segment.card_trees import card_columns, card_tree_types
from geosearch.segment.catalogue import Catalogue
from geosearch.segment.columns import Columns
from geosearch.segment.id_search import MerchantIds, docs_of
from geosearch.segment.layout import SAMPLED, SEGMENT_COLUMNS, Sizes
from geosearch.segment.regional import OWN_COLUMNS, STATISTICS, Regional
from geosearch.segment.texts import Texts
from geosearch.segment.versions import REGIONS
from indexes.allowance import READ, SORTED, take
from indexes.arrays import I32, I64, U32, U64
from indexes.cache import BoundedCache, size_of
from indexes.container import open_container
from indexes.geo.zones import ZoneIndex
from indexes.layout import Column, check_layout
from indexes.names.spellings import typed_form
from indexes.prepared import Prepared
from indexes.storage import IndexFormatError, open_folder, verify_folder

Arrays = dict[str, NDArray[Any]]


SMALL = ".small"
"""Ending of the file of a small segment, which live changes make."""

LIST_BYTES = 16 << 20
"""Most bytes of the cached documents of lists of merchants, in each segment."""

ID_WORK = 20
"""Steps of work that finding a merchant by its id takes, up to 2 us."""


class Listed(NamedTuple):
    """Ascending documents of a list of merchants, and the ids that have none, each once."""

    docs: NDArray[np.uint32]
    unknown: tuple[str, ...]


class Segment:
    """Columns, catalogue and payloads of one segment folder, read-only.

    Parameters
    ----------
    folder
        Folder, or file, that `writer.write_segment` wrote.
    verify
        See `indexes.storage.open_folder`.

    Raises
    ------
    BadData
        If the folder is not a complete, unaltered segment of a version that this code reads.
    """

    def __init__(self, folder: Path, *, verify: Literal["fast", "full"] = "fast") -> None:
        self._folder = folder
        try:
            if folder.suffix == SMALL:
                self._arrays, self.manifest = open_container(folder)
            else:
                self._arrays, self.manifest = open_folder(folder, verify=verify, sampled=SAMPLED)
            self.catalogue = self._catalogue()
            check_layout(SEGMENT_COLUMNS, self._arrays, Sizes(self._arrays, self.catalogue), folder)
        except IndexFormatError as error:
            raise BadData(str(error)) from error
        # The leaves of the tree of all documents hold the documents in their own order.
        places = {
            "leaf_position": self._arrays["doc_position"],
            "leaf_schedule": self._arrays["doc_schedule"],
            "leaf_category_set": self._arrays["doc_category_set"],
        }
        columns = {name: self._arrays[name] for name in Columns._fields}
        large = Columns(**(columns | places))
        trees = card_columns(large, self._arrays, self.program_docs)
        self._trees = {tree: Prepared(own) for tree, own in {0: large, **trees}.items()}
        self.docs = int(self.columns.doc_signature.shape[0])
        self._by_id = self._arrays["doc_by_id"]
        self.merchant_id_texts = Texts(self._arrays, "merchant_id")
        self.deal_id_texts = Texts(self._arrays, "deal_id")
        self._zone_shape = Texts(self._arrays, "zone_shape")
        self.merchant_payload = Texts(self._arrays, "merchant_payload")
        """Stored JSON object of a document, without its position, by doc id."""
        self.deal_payload = Texts(self._arrays, "deal_payload")
        """Stored JSON object of a deal, by number."""
        self._merchant_ids = Prepared(MerchantIds(*self.merchant_id_texts.arrays, self._by_id))
        self._lists = BoundedCache[tuple[str, ...], Listed](LIST_BYTES)
        self._chosen: dict[tuple[int, int, bool], Prepared[Columns]] = {}
        self.regional = self._regional()
        """What a segment of a region knows of shops everywhere; None in an ordinary index."""
        self.touched: U32 = np.zeros(0, np.uint32)
        """Documents whose own state or deals changed since the build, ascending."""

    def _regional(self) -> Regional | None:
        if "region" not in self.manifest:
            return None
        self.part(OWN_COLUMNS, Sizes(self._arrays, self.catalogue))
        return Regional(self._folder.parent, self.manifest["region"], self._arrays)

    def __len__(self) -> int:
        """Number of documents."""
        return self.docs

    @property
    def doc_owned(self) -> U64 | None:
        """One bit a document, set if the region owns its position; None = it owns all."""
        return self._arrays.get("doc_owned")

    @property
    def docs_everywhere(self) -> int:
        """Number of documents of one index: those of all regions, or its own."""
        return len(self) if self.regional is None else len(self.regional)

    def number_everywhere(self, doc: int) -> int:
        """Number of a document in one index."""
        return doc if self.regional is None else int(self._arrays["doc_whole"][doc])

    def doc_here(self, number: int) -> int | None:
        """Document with a number in one index; None if it is of another region."""
        if self.regional is None:
            return number
        numbers = self._arrays["doc_whole"]
        doc = int(np.searchsorted(numbers, number))
        return doc if doc < len(numbers) and numbers[doc] == number else None

    @property
    def columns(self) -> Columns:
        """Columns with the tree of all documents."""
        return self._trees[0].value

    def merchant_id(self, doc: int) -> str:
        """Id of a document."""
        return str(self.merchant_id_texts(doc), "utf-8")

    def deal_id(self, deal: int) -> str:
        """Id of a deal."""
        return str(self.deal_id_texts(deal), "utf-8")

    def doc_of(self, merchant_id: str) -> int | None:
        """Document of a merchant; None if the segment has no such merchant."""
        rank = self.id_rank_through(merchant_id)
        if rank < 0 or self.merchant_id(int(self._by_id[rank])) != merchant_id:
            return None
        return int(self._by_id[rank])

    def deal_of(self, deal_id: str) -> int | None:
        """Number of a deal; None if the segment has no such deal."""
        wanted, deals = deal_id.encode(), range(self.manifest["deals"])
        number = bisect_left(deals, wanted, key=self._deal_id_bytes)
        return number if number < len(deals) and self._deal_id_bytes(number) == wanted else None

    def deal_is_gone(self, deal: int) -> bool:
        """Whether a deal was deleted since the build."""
        return False

    def deals(self) -> int:
        """Number of deals."""
        return int(self.manifest["deals"])

    def program_merchants(self, program: int) -> int:
        """Number of `program_members`."""
        return len(self.program_members(program))

    def program_members(self, program: int) -> U32:
        """Ascending live documents with a deal of a card that is usable at some minute."""
        docs = self.program_docs(program)
        return docs[self.are_live(docs)]

    def listed(self, merchant_ids: tuple[str, ...]) -> Listed:
        """Documents of a list of merchants; cached, since people ask for the same list again."""
        found = self._lists.get(merchant_ids)
        if found is None:
            take(len(merchant_ids) * ID_WORK)
            wanted = tuple(dict.fromkeys(merchant_ids))
            docs = docs_of(self._merchant_ids, wanted)
            there = docs >= 0
            there[there] = self.are_live(docs[there])
            own = np.sort(docs[there]).astype(np.uint32)
            own.flags.writeable = False
            found = Listed(own, tuple(wanted[row] for row in np.flatnonzero(~there).tolist()))
            self._lists.keep(merchant_ids, found, 2 * size_of(merchant_ids) + own.nbytes)
        return found

    def id_rank_through(self, merchant_id: str) -> int:
        """Rank of the last id that does not sort after `merchant_id`; -1 if all do. A bisection."""
        wanted = merchant_id.encode()
        return bisect_right(self._by_id.data, wanted, key=self._merchant_id_bytes) - 1

    def box(self) -> I32 | None:
        """Least x and y and greatest x and y of the live documents, in units; None without any."""
        return self.columns.node_box[:, -1] if len(self) else None

    def is_live(self, doc: int) -> bool:
        """Whether a document is live: nothing has replaced or withdrawn it since the build."""
        return bool(int(self.columns.doc_live[doc >> 6]) >> (doc & 63) & 1)

    def are_live(self, docs: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each of these documents is live."""
        words = self.columns.doc_live[docs >> 6]
        live: NDArray[np.bool_] = (words >> (docs & 63).astype(np.uint64) & np.uint64(1)) != 0
        return live

    def live_docs(self, docs: NDArray[np.uint32] | None = None) -> int:
        """Number of live documents among these, by default among all."""
        if docs is None:
            return int(np.bitwise_count(self.columns.doc_live).sum())
        return int(self.are_live(docs).sum())

    def program_docs(self, program: int) -> NDArray[np.uint32]:
        """Ascending documents with a deal of a card that is usable at some minute."""
        return self._postings("program", program)

    @property
    def trees(self) -> tuple[int, ...]:
        """Numbers of the trees, as in `columns_of`."""
        return tuple(self._trees)

    def places(self, tree: int, docs: U32) -> I64:
        """Places of some ascending documents in the leaves of a tree; it may lack some."""
        leaves = self._trees[tree].value.leaf_doc
        if tree == 0:
            return docs.astype(np.int64)
        at = np.searchsorted(leaves, docs)
        at = at[at < len(leaves)]
        return at[np.isin(leaves[at], docs, assume_unique=True)]

    def has_tree(self, program: int) -> bool:
        """Whether a card has a tree of its own."""
        return program > 0 and program in self._trees

    def columns_of(
        self, tree: int, types: int = 0, new_customer: bool = False
    ) -> Prepared[Columns]:
        """Columns with the tree of a card; tree 0 is the tree of all documents.

        Parameters
        ----------
        types
            Bits of the offer types that count, 0 = all; deals of other types are off. Bounds and
            summaries stay those of all deals: a maximum over more deals is never lower.
        new_customer
            Whether deals for new customers only count.
        """
        if not (types or new_customer):
            return self._trees[tree]
        found = self._chosen.get((tree, types, new_customer))
        if found is None:
            columns = self._trees[tree].value
            if new_customer:
                columns = columns._replace(deal_on=_kept(columns.deal_on | columns.deal_new))
            if types:
                # A deal that one person can always use may be of another type.
                columns = columns._replace(
                    deal_on=self._of_types(columns.deal_on, types),
                    deal_new=self._of_types(columns.deal_new, types),
                    doc_always=_kept(np.zeros_like(columns.doc_always)),
                )
            found = Prepared(columns)
            # No eviction: there are at most 64 sets of types.
            self._chosen[tree, types, new_customer] = found
        return found

    def _of_types(self, on: NDArray[np.uint64], types: int) -> NDArray[np.uint64]:
        """Bits of deals without those of other types."""
        wanted = (types >> self.columns.deal_terms[:, TYPE].astype(np.int64)) & 1
        bits = np.zeros(64 * len(on), np.uint8)
        bits[: len(wanted)] = wanted
        return _kept(on & np.packbits(bits, bitorder="little").view(np.uint64))

    def docs_of(self, tree: int) -> int:
        """Number of documents in the leaves of a tree, by its number as in `columns_of`."""
        return len(self._trees[tree].value.leaf_position)

    def zone_docs(self, zone: int) -> NDArray[np.uint32]:
        """Ascending documents inside a zone."""
        return self._postings("zone", zone)

    def area_docs(self, names: Collection[str]) -> NDArray[np.uint32]:
        """Ascending documents in any of these business areas."""
        take(len(self) // READ)
        allowed = np.zeros(len(self.catalogue.areas) + 1, np.bool_)
        allowed[[self.area_numbers[name] for name in names if name in self.area_numbers]] = True
        return np.flatnonzero(allowed[self.columns.doc_area]).astype(np.uint32)

    @cached_property
    def program_numbers(self) -> dict[str, int]:
        """Number of each card by its id."""
        programs = enumerate(self.catalogue.programs)
        return {program["program_id"]: number for number, program in programs if number}

    @cached_property
    def zone_numbers(self) -> dict[str, int]:
        """Number of each zone by its id."""
        return {zone.zone_id: number for number, zone in enumerate(self.catalogue.zones)}

    @cached_property
    def area_numbers(self) -> dict[str, int]:
        """Number of each business area by its name."""
        return {name: number for number, name in enumerate(self.catalogue.areas) if number}

    @cached_property
    def area_forms(self) -> dict[str, str]:
        """Names of business areas by their typed form."""
        return {form: name for name in self.area_numbers if (form := typed_form(name))}

    @cached_property
    def zone_index(self) -> ZoneIndex:
        """Index of the zones' polygons, read at first use."""
        shapes = [
            shapely.from_wkb(bytes(self._zone_shape(zone)))
            for zone in range(len(self.catalogue.zones))
        ]
        ids = [zone.zone_id for zone in self.catalogue.zones]
        return ZoneIndex(ids, shapes, datums=self.catalogue.zone_datums)

    def _deal_id_bytes(self, deal: int) -> bytes:
        return bytes(self.deal_id_texts(deal))

    def _merchant_id_bytes(self, doc: int) -> bytes:
        return bytes(self.merchant_id_texts(doc))

    def hot_bytes(self) -> int:
        """Bytes of the columns that searches read, without text, payloads, ids and catalogue."""
        columns = [*Columns._fields, *card_tree_types()]
        return sum(int(self._arrays[name].nbytes) for name in columns)

    def rows(self, name: str) -> int:
        """Length of a column; 0 if the segment has no such column."""
        return len(self._arrays[name]) if name in self._arrays else 0

    def part(self, table: Mapping[str, Column], sizes: object) -> Arrays:
        """Checked columns of a part that another room wrote; see `writer.Part`.

        Parameters
        ----------
        table, sizes
            Schema and sizes of the part; see `indexes.layout.check_layout`.

        Raises
        ------
        BadData
            If a column is missing or breaks a rule. The message names the file.
        """
        try:
            check_layout(table, self._arrays, sizes, self._folder)
        except IndexFormatError as error:
            raise BadData(str(error)) from error
        return {name: self._arrays[name] for name in table}

    def _postings(self, name: str, row: int) -> NDArray[Any]:
        starts = self._arrays[f"{name}_start"]
        return self._arrays[f"{name}_docs"][int(starts[row]) : int(starts[row + 1])]

    def _catalogue(self) -> Catalogue:
        """Decoded catalogue; the sizes of its tables bound the numbers in other columns."""
        where = self._folder / "catalogue.npy"
        try:
            return Catalogue.decode(self._arrays["catalogue"].tobytes())
        except KeyError:
            raise IndexFormatError(
                f"Expected column `catalogue`, got none - at `{self._folder}`"
            ) from None
        except msgspec.MsgspecError as error:
            raise IndexFormatError(f"Expected a catalogue, got: {error} - at `{where}`") from error


class SmallSegment(Segment):
    """A segment in one file, with the zones of another one.

    Parameters
    ----------
    file
        File that `writer.write_segment` wrote.
    whole
        The segment with the same zones, and their shapes.

    Raises
    ------
    BadData
        As `Segment`.
    FileNotFoundError
        There is no such file.
    """

    def __init__(self, file: Path, whole: Segment) -> None:
        self._whole = whole
        super().__init__(file)

    def _catalogue(self) -> Catalogue:
        # A file without them is opened in two thirds of the time: there may be thousands.
        zones, datums = self._whole.catalogue.zones, self._whole.catalogue.zone_datums
        return msgspec.structs.replace(super()._catalogue(), zones=zones, zone_datums=datums)

    @property
    def zone_index(self) -> ZoneIndex:
        """Index of the zones' polygons."""
        return self._whole.zone_index


def in_both(docs: NDArray[np.uint32], others: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Documents of both ascending lists."""
    take((len(docs) + len(others)) // SORTED)
    return np.intersect1d(docs, others, assume_unique=True)


def _kept(column: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The column, read-only like the stored ones."""
    column.flags.writeable = False
    return column


def type_bits(names: tuple[str, ...]) -> int:
    """Bit mask of offer types by their codes; 0 without names, which means all types.

    >>> type_bits(("percent_off", "voucher"))
    5
    """
    return sum(1 << code for code, name in enumerate(OFFER_TYPES) if name in names)


def segment_folders(version: Path) -> list[Path]:
    """Folders of the segments of a version, in their order."""
    return sorted(version.glob("segment-*"))


def verify_version(version: Path) -> None:
    """Compare every byte of the segments of a version, and what it knows of others, with checksums.

    It maps no file, so a read error of the disk raises an exception and no SIGBUS.

    Raises
    ------
    BadData
        If a file differs from its checksum. The message names the file.
    """
    whole = [version / STATISTICS] if (version / REGIONS).exists() else []
    for folder in (*segment_folders(version), *whole):
        try:
            verify_folder(folder)
        except IndexFormatError as error:
            raise BadData(str(error)) from error
