"""Every peer is held to the same answers: those of plain loops over the table."""

import math
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import pytest
from shapely import Point, Polygon

from benchmarks.peers import ColdPeer, Found, Missing, Peer, PeerQuestion, may_ask
from benchmarks.table import UNKNOWN_PAY, UNKNOWN_SAVING, PeerMinute, PeerTable
from indexes.arrays import I64
from tests.oracles import haversine_m

PROGRAMS = {"red": 1, "bank-1": 2, "bank-2": 3, "tiny": 4}
WORDS = ("火锅", "锅店", "咖啡", "海底", "底捞")
RING = ((121.4, 31.2), (121.5, 31.2), (121.5, 31.3))

MINUTES = [datetime(2026, 11, 27, 18, tzinfo=UTC) + timedelta(minutes=m) for m in range(6)]
SCHEDULES = 30

P = TypeVar("P", bound=Peer)


class Drawn:
    """Hours and deals that are drawn anew for every minute; two minutes share their deals."""

    def __init__(self, programs: I64, saving: I64) -> None:
        self._programs, self._saving = programs, saving
        self.asked: list[tuple[datetime, int, str]] = []

    def of(self, at: datetime, wallet: int, sort: str) -> PeerMinute:
        self.asked.append((at, wallet, sort))
        windows = at.minute // 2
        rng = np.random.default_rng((windows, 1))
        programs = np.where(rng.random(len(self._programs)) < 0.7, self._programs, 0)
        rows = np.flatnonzero(programs & wallet) if sort != "distance" else np.zeros(0, np.int64)
        saving = self._saving[rows] // (1 + windows)
        saving[self._saving[rows] == UNKNOWN_SAVING] = UNKNOWN_SAVING
        return PeerMinute(
            is_open=np.random.default_rng((at.minute, 2)).random(SCHEDULES) < 0.5,
            windows=bytes([windows]),
            programs=programs,
            rows=rows,
            saving=saving,
            worth=(rows % 97 * 10 + at.minute).astype(np.float64),
        )

    def ever(self) -> I64:
        return self._programs


def table(count: int = 3_000, seed: int = 1) -> PeerTable:
    """Shops around Shanghai, some tens of them on one position."""
    rng = np.random.default_rng(seed)
    random = Random(seed)
    lat, lng = 31.23 + rng.normal(0, 0.03, count), 121.47 + rng.normal(0, 0.03, count)
    lat[: count // 50], lng[: count // 50] = 31.231, 121.471
    programs = np.zeros(count, np.int64)
    for number, share in zip(PROGRAMS.values(), (0.05, 0.3, 0.2, 0.002), strict=True):
        programs |= (rng.random(count) < share).astype(np.int64) << number
    saving = rng.integers(0, 5_000, count)
    saving[rng.random(count) < 0.1] = UNKNOWN_SAVING
    ever = programs | ((rng.random(count) < 0.05).astype(np.int64) << PROGRAMS["red"])
    return PeerTable(
        lat=np.round(lat, 7),
        lng=np.round(lng, 7),
        open_now=rng.random(count) < 0.6,
        open_later=rng.random(count) < 0.1,
        programs=programs,
        saving=saving,
        worth=np.where(saving == UNKNOWN_SAVING, 0, saving) * 0.8 + rng.integers(0, 400, count),
        category_set=rng.integers(0, 12, count),
        text=[" ".join(random.sample(WORDS, random.randint(0, 3))) for _ in range(count)],
        program_bits=PROGRAMS,
        wallet="red",
        walk_cost_per_m=0.75,
        schedule=np.random.default_rng(seed + 1).integers(0, SCHEDULES, count),
        pay=np.where(saving % 7 == 0, UNKNOWN_PAY, saving % 100),
        wins=saving % 3 == 0,
        minutes=Drawn(ever, saving),
    )


def built(kind: type[P], made: PeerTable, folder: Path) -> P:
    """A peer over a table; skips the test where the peer is not installed."""
    try:
        return kind(made, folder)
    except Missing as error:
        pytest.skip(str(error))


def questions(
    peer: Peer, each: int = 5, seed: int = 2, *, cold: bool = False
) -> list[PeerQuestion]:
    """Questions of every kind that the peer says it answers; cold ones in turn at some minutes."""
    random = Random(seed)
    red, banks = 1 << PROGRAMS["red"], (1 << PROGRAMS["bank-1"]) | (1 << PROGRAMS["bank-2"])
    kinds: list[dict[str, object]] = [
        {"hours": "open_now", "programs": red},
        {"programs": banks},
        {"hours": "open_later", "programs": banks},
        {"hours": "open_now", "programs": 1 << PROGRAMS["tiny"], "radius_m": 50_000.0},
        {},
        {"counted": True},
        {"hours": "open_now", "programs": red, "counted": True},
        {"hours": "open_now", "programs": red, "sort": "best"},
        {"hours": "open_now", "programs": red, "sort": "saving"},
        {"hours": "open_now", "programs": banks, "words": ("火锅",)},
        {"hours": "open_now", "programs": banks, "words": ("火锅", "海底")},
        {"hours": "open_now", "programs": red, "polygon": True},
    ]
    if not cold:
        kinds += [
            {"hours": "open_now", "programs": banks, "max_pay": 40},
            {"hours": "open_now", "programs": banks, "sort": "best", "wins": True},
            {"hours": "open_now", "rows": tuple(random.sample(range(3_000), 100))},
        ]
    asked = []
    for number in range(each * len(kinds)):
        wishes = dict(kinds[number % len(kinds)])
        lat, lng = 31.23 + random.gauss(0, 0.03), 121.47 + random.gauss(0, 0.03)
        if number % 5 == 0:
            lat, lng = 31.231, 121.471
        if wishes.pop("polygon", None):
            wishes["polygon"] = (
                (lng - 0.02, lat - 0.01), (lng + 0.02, lat - 0.015), (lng + 0.001, lat),
                (lng + 0.01, lat + 0.02), (lng - 0.02, lat + 0.01),
            )  # fmt: skip
        if cold:
            wishes["at"] = MINUTES[number % len(MINUTES)]
        question = PeerQuestion(lat=lat, lng=lng, **wishes)  # type: ignore[arg-type]
        if may_ask(peer, question):
            asked.append(question)
    return asked


def key(made: PeerTable, question: PeerQuestion, row: int) -> float:
    """What a row is ordered by, the least first."""
    distance = haversine_m(question.lat, question.lng, made.lat[row], made.lng[row])
    saving, worth = made.saving[row], made.worth[row]
    if question.at is not None and question.sort != "distance":
        minute = made.at(question.at, question.programs, question.sort)
        place = minute.rows.tolist().index(row)
        saving, worth = minute.saving[place], minute.worth[place]
    if question.sort == "saving":
        return -float(saving) if saving != UNKNOWN_SAVING else math.inf
    if question.sort == "best":
        return -(float(worth) - made.walk_cost_per_m * distance)
    return distance


def passes(made: PeerTable, question: PeerQuestion, row: int) -> bool:
    """Whether a row has the hours and cards asked for."""
    programs = made.programs
    if question.at is not None:
        minute = made.at(question.at, question.programs, "distance")
        programs, is_open = minute.programs, minute.is_open[made.schedule[row]]
    else:
        is_open = not question.hours or getattr(made, question.hours)[row]
    if question.hours and not is_open:
        return False
    if question.max_pay is not None:
        assert made.pay is not None
        if made.pay[row] == UNKNOWN_PAY or made.pay[row] > question.max_pay:
            return False
    if question.wins and (made.wins is None or not made.wins[row]):
        return False
    return not question.programs or bool(question.programs & int(programs[row]))


def matches(made: PeerTable, question: PeerQuestion) -> list[int]:
    """Rows that match, by plain loops."""
    ring = Polygon(question.polygon) if question.polygon else None
    found = []
    for row in range(len(made)):
        if not set(question.words) <= set(made.text[row].split()):
            continue
        if ring is not None:
            if not ring.covers(Point(made.lng[row], made.lat[row])):
                continue
        elif question.rows is not None:
            if row not in question.rows:
                continue
        elif (
            haversine_m(question.lat, question.lng, made.lat[row], made.lng[row])
            > question.radius_m
        ):
            continue
        if passes(made, question, row):
            found.append(row)
    return found


def assert_agrees(peer: Peer, made: PeerTable, *, tolerance: float = 1e-6, least: int = 30) -> None:
    """The right rows in the right order for every question; counts where they are wanted.

    Cold peers are asked at other minutes too. `tolerance` is how far keys of the order may be off:
    metres, or minor units.
    """
    _assert_answers(peer, made, questions(peer), tolerance, least)
    if isinstance(peer, ColdPeer):
        _assert_answers(peer, made, questions(peer, cold=True), tolerance, least)
        _assert_preparation_is_needed(peer, made)


def _assert_preparation_is_needed(peer: ColdPeer, made: PeerTable) -> None:
    """Nothing of a minute is worked out in `ask`."""
    assert isinstance(made.minutes, Drawn)
    question = PeerQuestion(31.23, 121.47, hours="open_now", sort="best", at=MINUTES[0], programs=4)
    peer.prepare(question)
    before = len(made.minutes.asked)
    peer.ask(question)
    assert len(made.minutes.asked) == before


def _assert_answers(
    peer: Peer, made: PeerTable, asked: list[PeerQuestion], tolerance: float, least: int
) -> None:
    assert len(asked) >= least
    compared = 0
    for question in asked:
        if isinstance(peer, ColdPeer) and question.at is not None:
            peer.prepare(question)
        found: Found = peer.ask(question)
        right = matches(made, question)
        keys = {row: key(made, question, row) for row in right}
        rows = [int(row) for row in found.rows]
        assert len(set(rows)) == len(rows) == min(question.limit, len(right)), question
        assert set(rows) <= set(right), question
        best = sorted(keys.values())
        got = [keys[row] for row in rows]
        assert got == pytest.approx(best[: len(got)], abs=tolerance), question
        if question.counted:
            groups: dict[int, int] = {}
            for row in right:
                groups[int(made.category_set[row])] = groups.get(int(made.category_set[row]), 0) + 1
            assert found.total == len(right)
            assert found.groups == groups
        compared += len(rows)
    assert compared > 100


def assert_agrees_in_small_circles(peer: Peer, made: PeerTable) -> None:
    """All shops of circles of 60 m, the one position that many share among them."""
    compared = 0
    for row in range(0, len(made), 10):
        lat, lng = float(made.lat[row]), float(made.lng[row])
        asked = PeerQuestion(lat=lat, lng=lng, radius_m=60.0, limit=99)
        right = matches(made, asked)
        for sort in ("distance", "saving"):
            assert sorted(peer.ask(asked._replace(sort=sort)).rows) == right
            compared += len(right)
        assert peer.ask(asked._replace(counted=True)).total == len(right)
    assert compared > 1_000


def assert_agrees_at_the_edge(peer: Peer, made: PeerTable, *, off_m: float) -> None:
    """Circles that end so many metres before and behind a shop."""
    for row in range(0, len(made), 60):
        lat, lng = 31.23, 121.47
        distance = haversine_m(lat, lng, made.lat[row], made.lng[row])
        for off in (-0.05, -off_m, off_m, 0.05):
            asked = PeerQuestion(lat=lat, lng=lng, radius_m=distance + off, counted=True)
            right = matches(made, asked)
            found = peer.ask(asked)
            assert found.total == len(right)
            assert set(found.rows) <= set(right)
            assert len(found.rows) == min(20, len(right))


def assert_words_need_texts(peer: Peer) -> None:
    """Words are asked of a peer that was given texts; those that no shop has are in no row."""
    asked = PeerQuestion(lat=31.23, lng=121.47, words=("火锅", "没有"))
    assert peer.answers(asked)
    assert not len(peer.ask(asked).rows)
    with TemporaryDirectory() as folder:
        bare = type(peer)(replace(table(50), text=()), Path(folder))
        assert not bare.answers(asked)
        assert bare.answers(asked._replace(words=()))
        bare.close()


def assert_no_words_are_answered(peer: Peer) -> None:
    """Everything but words."""
    assert peer.answers(PeerQuestion(lat=31.0, lng=121.0, sort="best", counted=True))
    assert peer.answers(PeerQuestion(lat=31.0, lng=121.0, polygon=RING))
    assert not peer.answers(PeerQuestion(lat=31.0, lng=121.0, words=("火锅",)))


def assert_nothing_is_left(peer: Peer, folder: Path, process: int | None = None) -> None:
    """Closing, twice, removes the files and ends the process."""
    peer.close()
    peer.close()
    assert not list(folder.iterdir())
    if process is not None:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
