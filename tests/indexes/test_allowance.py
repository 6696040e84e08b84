"""Work is bounded inside a block, by what is taken there."""

import threading

import pytest

from indexes.allowance import NO_LIMIT, Allowance, TooMuchWork, current, take


def test_nothing_is_bounded_outside_a_block() -> None:
    take(NO_LIMIT)
    assert current() is None


@pytest.mark.parametrize(("taken", "left"), [((), 10), ((3, 4), 3), ((10,), 0), ((0, 10, 0), 0)])
def test_what_is_taken_is_no_longer_left(taken: tuple[int, ...], left: int) -> None:
    with Allowance(10) as allowance:
        for work in taken:
            take(work)
        assert current() is allowance
        assert allowance.left == left
    assert current() is None


def test_a_block_ends_where_more_is_taken_than_is_left() -> None:
    allowance = Allowance(10)
    with allowance:
        take(6)
    with pytest.raises(TooMuchWork), allowance:
        take(5)
    assert (allowance.left, current()) == (-1, None)


def test_a_second_block_goes_on_with_what_is_left() -> None:
    allowance = Allowance(10)
    for left in (6, 2):
        with allowance:
            take(4)
            assert allowance.left == left
    with pytest.raises(TooMuchWork), allowance:
        take(4)


def test_the_inner_block_holds_and_then_the_outer_again() -> None:
    with Allowance(10) as outer:
        with Allowance(3):
            take(3)
        assert current() is outer
        assert outer.left == 10


def test_another_thread_has_no_allowance_of_this_one() -> None:
    found: list[Allowance | None] = []
    with Allowance(10):
        thread = threading.Thread(target=lambda: found.append(current()))
        thread.start()
        thread.join()
    assert found == [None]
