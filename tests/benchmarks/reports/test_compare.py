"""Comparisons: noise is not a change, a slowdown is found, the machine's drift is taken out."""

from collections.abc import Callable

import msgspec
import pytest

from benchmarks.reports.compare import Change, compare, compare_text
from benchmarks.result import FamilyResult, Line, Result
from tests.benchmarks.reports import results


def changed(factor: Callable[[str, FamilyResult, Line], float]) -> Result:
    """The factory's run with every p50 times `factor(world, family, line)`."""
    made = results.result()
    worlds = []
    for world in made.worlds:
        families = []
        for family in world.families:
            lines = [scaled(line, factor(world.label, family, line)) for line in family.lines]
            families.append(msgspec.structs.replace(family, lines=lines))
        worlds.append(msgspec.structs.replace(world, families=families))
    made.worlds = worlds
    return made


def scaled(line: Line, factor: float) -> Line:
    timing = line.timing
    rounds = [us * factor for us in timing.round_p50_us]
    slower = msgspec.structs.replace(timing, p50_us=timing.p50_us * factor, round_p50_us=rounds)
    return msgspec.structs.replace(line, timing=slower)


def one(factor: float, *, machine: float = 1.0) -> Result:
    """A run in which this engine's `best_open_red` of the middle world differs."""

    def times(world: str, family: FamilyResult, line: Line) -> float:
        mine = line.engine == "geosearch" and family.family == "best_open_red"
        return machine * (factor if mine and world.startswith("1,000,000") else 1.0)

    return changed(times)


def of_families(changes: list[Change]) -> list[Change]:
    return [each for each in changes if each.group not in ("opening", "build", "HTTP")]


def test_a_run_is_as_itself() -> None:
    found = compare(results.result(), results.result())
    assert not found.failed
    assert not found.counters
    assert not found.skipped
    assert found.drift == 1
    assert {each.verdict for each in [*found.times, *found.memory]} == {"same"}
    assert len(of_families(found.times)) == 3 * 7
    assert len(found.memory) == 3 * 3 + 2
    assert "no slowdown over 10 % beyond noise." in compare_text(found)


@pytest.mark.parametrize(
    ("factor", "verdict", "failed"),
    [
        (1.029, "same", False),
        (1.039, "too noisy to tell", False),  # rounds lie 4 % apart
        (1.08, "slower", False),  # beyond noise, below the threshold
        (1.12, "slower", True),
        (0.97, "too noisy to tell", False),
        (0.9, "faster", False),
    ],
)
def test_a_change_counts_beyond_noise_and_fails_over_the_threshold(
    factor: float, verdict: str, failed: bool
) -> None:
    found = compare(results.result(), one(factor))
    verdicts = {each.what: each.verdict for each in found.times if "1,000,000" in each.group}
    assert verdicts.pop("best, 3 km, open now, the 3 % card") == verdict
    assert set(verdicts.values()) == {"same"}
    assert found.failed is failed


def test_noise_is_that_of_the_noisier_run() -> None:
    before, after = results.result(), results.result()
    noisy, slow = results.line("geosearch", 47.0, spread=0.4), results.line("geosearch", 61.1)
    for run, line in ((before, noisy), (after, slow)):
        family = run.worlds[1].families[0]
        lines = [line, *family.lines[1:]]
        families = [msgspec.structs.replace(family, lines=lines), *run.worlds[1].families[1:]]
        run.worlds[1] = msgspec.structs.replace(run.worlds[1], families=families)
    for one_run, other in ((before, after), (after, before)):
        verdicts = {each.verdict for each in of_families(compare(one_run, other).times)}
        assert verdicts == {"same", "too noisy to tell"}


def test_noise_is_what_peers_that_did_not_change_differ_by() -> None:
    def beside(world: str, family: FamilyResult, line: Line) -> float:
        """One family in a noisy minute: its numpy took twice as long."""
        noisy = family.family == "best_open_red" and world.startswith("1,000,000")
        return (2.0 if line.engine == "numpy" else 1.5) if noisy else 1.0

    found = compare(results.result(), changed(beside))
    assert not found.failed
    assert [each.verdict for each in found.times if each.verdict != "same"] == ["too noisy to tell"]
    assert "1 too noisy to tell (`geosearch bench ab REV`" in compare_text(found)


def test_noise_covers_nine_in_ten_of_all_peers() -> None:
    def restless(world: str, family: FamilyResult, line: Line) -> float:
        """A machine whose peers differ by a quarter either way; ours by a fifth in one family."""
        if line.engine != "geosearch":
            return 1.25 if len(family.family) % 2 else 0.8
        return 1.2 if family.family == "best_open_red" else 1.0

    assert not compare(results.result(), changed(restless)).failed


def test_the_threshold_is_the_callers() -> None:
    assert not compare(results.result(), one(1.3), threshold=0.5).failed
    assert compare(results.result(), one(1.06), threshold=0.05).failed


def test_a_slower_machine_is_no_slowdown_and_hides_none() -> None:
    assert not compare(results.result(), one(1.0, machine=1.25)).failed
    after = one(1.3, machine=0.8)
    after.build = None  # which `one` does not speed up
    found = compare(results.result(), after)
    assert found.drift == pytest.approx(0.8)
    assert (found.drift_from, found.drift_lines) == ("numpy", 14)
    assert [each.what for each in found.slowdowns] == ["best, 3 km, open now, the 3 % card"]
    assert found.slowdowns[0].ratio == pytest.approx(1.3)
    text = compare_text(found)
    assert "The machine was 20 % faster, by 14 lines of numpy" in text
    assert "1 slowed down over 10 % beyond noise, most of all best, 3 km, open now" in text
    assert text.count("<--") == 1


def test_without_peers_the_floor_tells_the_drift_and_no_family_is_judged() -> None:
    before, after = results.result(), changed(lambda *_: 1.5)
    before.worlds, after.worlds = before.worlds[2:], after.worlds[2:]
    assert after.http is not None
    loops = [
        msgspec.structs.replace(
            loop,
            cpu_us=loop.cpu_us * 1.5,
            p50_ms=loop.p50_ms * 1.5,
            requests_per_second=loop.requests_per_second / 1.5,
        )
        for loop in after.http.loops
    ]
    after.http = msgspec.structs.replace(after.http, loops=loops)
    found = compare(before, after)
    assert found.drift is None
    assert found.http_drift == pytest.approx(1.5)
    assert not found.failed
    assert "By the floor it was 50 % slower" in compare_text(found)
    after.http = None
    found = compare(before, after)
    assert not found.failed
    assert {each.verdict for each in of_families(found.times)} == {"too noisy to tell"}
    assert "is not known" in compare_text(found)


def test_a_slower_service_is_found() -> None:
    after = results.result()
    assert after.http is not None
    loops = [
        msgspec.structs.replace(loop, requests_per_second=loop.requests_per_second / 1.4)
        if loop.server == "geosearch"
        else loop
        for loop in after.http.loops
    ]
    after.http = msgspec.structs.replace(after.http, loops=loops)
    slow = compare(results.result(), after).slowdowns
    assert {each.what for each in slow} == {
        f"{count} connections, time a request" for count in (1, 4, 16, 64)
    }


def test_a_build_that_was_timed_once_is_not_judged_and_memory_is_listed() -> None:
    after = results.result()
    assert after.build is not None
    after.build = msgspec.structs.replace(after.build, seconds=45.0, peak_rss_gb=5.0)
    after.worlds[0] = msgspec.structs.replace(after.worlds[0], hot_bytes=20_000_000)
    found = compare(results.result(), after)
    unclear = {(each.group, each.after) for each in found.times if each.verdict != "same"}
    assert unclear == {("build", 45e6)}
    assert not found.failed
    more = {(each.group, each.what) for each in found.memory if each.verdict == "slower"}
    assert more == {("100,000, one city", "hot"), ("build", "RSS at the peak")}
    assert "RSS at the peak" in compare_text(found)


def test_any_growth_of_a_counter_is_listed() -> None:
    after = results.result()
    families = list(after.worlds[1].families)
    work = families[0].work | {"nodes": 306.0, "docs": 1.0, "leaves": 7.0}
    families[0] = msgspec.structs.replace(families[0], work=work)
    after.worlds[1] = msgspec.structs.replace(after.worlds[1], families=families)
    found = compare(results.result(), after)
    assert [(each.before, each.after) for each in found.grown] == [(305, 306)]
    assert len(found.counters) == 2
    assert not found.failed
    assert "1 counters grew, 1 fell" in compare_text(found)


def test_worlds_that_differ_are_skipped_and_named() -> None:
    after = one(3.0)
    after.worlds[1] = msgspec.structs.replace(after.worlds[1], merchants=999_999)
    after.circumstances["cpu"] = "another"
    found = compare(results.result(), after)
    assert not found.failed
    assert len(of_families(found.times)) == 2 * 7
    assert len(found.skipped) == 3
    assert "left out: cpu differs: AMD EPYC before, another after" in compare_text(found)


def test_runs_with_nothing_in_common_say_so() -> None:
    text = compare_text(compare(results.result(), Result(circumstances={})))
    assert "Nothing to compare: no time is in both runs." in text
