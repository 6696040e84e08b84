"""The plan on paper: its page is current, its queue is a known one, and a loss shows."""

from dataclasses import replace

import pytest

from benchmarks import scale
from benchmarks.replica_group import SILENT, STOPPED, FeedStop, Loss, Run, Scenario, simulate

GROUP = Scenario(machines=3, cores=1, rate=1_500, service=1e-3, span=4)


def retried(run: Run) -> int:
    return sum(each.attempts > 1 for each in run.asked)


def failed(run: Run) -> int:
    return sum(not each.answered for each in run.asked)


def test_page_has_the_figures_that_the_module_computes() -> None:
    page = scale.PAGE.read_text("utf-8")
    _, _, rest = page.partition(scale.BEGIN)
    assert rest.partition(scale.END)[0].strip() == scale.plan(), "run python -m benchmarks.scale"


def test_plan_by_hand() -> None:
    whole, region = scale.layouts()
    assert whole.size == pytest.approx(42.1e9)
    assert region.size == pytest.approx(42.1e9 * 1.165 / 8)
    # 50,000 × 240 µs are 12 cores; two sites of three carry them at 70 % with 8.6 cores each.
    assert (whole.machines, whole.cores, whole.memory) == (3, 16, 128)
    # The busiest region has a quarter of the questions: 3 cores, 2.1 in each of two sites.
    assert (region.machines, region.cores, region.memory) == (24, 4, 16)
    assert region.busy(1) == pytest.approx(3 / 8)


@pytest.mark.parametrize("busy", [0.3, 0.5, 0.7])
def test_one_core_waits_as_pollaczek_and_khinchine_say(busy: float) -> None:
    """M/D/1: the mean wait is ρ s / (2 (1 - ρ))."""
    service = 1e-3
    run = simulate(Scenario(machines=1, cores=1, rate=busy / service, service=service, span=60))
    mean = sum(each.latency for each in run.asked) / len(run.asked) - service
    assert mean == pytest.approx(busy * service / 2 / (1 - busy), rel=0.05)
    assert run.busy == pytest.approx([busy], rel=0.03)


@pytest.mark.parametrize(
    ("kind", "timeout", "longest"), [(STOPPED, 30, 0.1), (SILENT, 30, 30.1), (SILENT, 2, 2.1)]
)
def test_lost_machine_shows_and_costs_no_answer(kind: str, timeout: float, longest: float) -> None:
    well = simulate(GROUP)
    assert retried(well) == 0
    run = simulate(replace(GROUP, loss=Loss((0,), 1, kind), timeout=timeout))
    assert retried(run) > 0
    assert failed(run) == 0
    assert longest - 0.1 < max(each.latency for each in run.asked) < longest
    assert run.busy[1] > well.busy[1] * 1.2, "the others work more"


def test_lost_group_answers_nothing() -> None:
    run = simulate(replace(GROUP, loss=Loss((0, 1, 2), 1, STOPPED)))
    after = [each for each in run.asked if each.sent > 1]
    assert after
    assert not any(each.answered for each in after)
    assert all(each.answered for each in run.asked if each.sent < 0.9)


def test_feed_behind_is_seen_except_with_min_seq() -> None:
    behind = FeedStop(0, 1.5, 3.5)
    well, run = (
        simulate(replace(GROUP, rate=300, min_seq_share=0.2, behind=each))
        for each in (None, behind)
    )
    assert max(each.stale for each in well.asked) <= 1
    assert retried(well) == 0
    assert max(each.stale for each in run.asked if not each.needs) > 2
    own = [each for each in run.asked if each.needs]
    assert failed(run) == 0
    assert retried(run) > 0
    assert all(each.stale <= each.latency < 2.1 for each in own), "never older than the question"
