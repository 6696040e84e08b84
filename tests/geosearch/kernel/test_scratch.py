"""Working memory is lent to one query at a time."""

from geosearch.kernel.scratch import ScratchPool


def test_working_memory_is_lent_to_one_at_a_time() -> None:
    pool = ScratchPool(3)
    one, two = pool.borrow(), pool.borrow()
    assert one.value.heap_entry is not two.value.heap_entry
    pool.give_back(two)
    assert pool.borrow() is two
    pool.give_back(one)
