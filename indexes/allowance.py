"""Allowance: the work that may still be done for a request here, before it goes elsewhere.

Useful for: an event loop, which does small work itself and gives large work to a thread.
Not useful for: deadlines. Work is counted and not timed, so the same request always ends alike.

The code that works calls `take` before each part whose size it knows: a union of lists by their
lengths, say. A compiled loop counts for itself, and stops when it passes what is `lent` to it; its
caller takes what it did. Without an allowance there is no limit.
"""

from contextvars import ContextVar, Token

NO_LIMIT = 1 << 62
"""More work than any request takes."""


MERGED, SORTED, READ = 16, 4, 50
"""Numbers that are merged or copied, looked up in a sorted list, or compared with one value, in the
time of one step."""


class TooMuchWork(Exception):
    """A request takes more work than its allowance; it has had no effect but on caches."""


class Allowance:
    """Bound on the work of what runs inside its `with` block; threads do not inherit it.

    Parameters
    ----------
    work
        The work, in steps: looking at one document, offer, posting or node, some 0.1 us each.

    Examples
    --------
    >>> with Allowance(10) as allowance:
    ...     take(7)
    ...     allowance.left
    3
    >>> with Allowance(10):
    ...     take(11)
    Traceback (most recent call last):
    indexes.allowance.TooMuchWork
    """

    __slots__ = ("_token", "left", "lent")

    def __init__(self, work: int) -> None:
        self.left = work
        """Steps that are left; below 0 once too many were taken."""
        self.lent = 0
        """Steps that compiled code has been given, which has not told yet what it did."""
        self._token: Token[Allowance | None] | None = None

    def __enter__(self) -> "Allowance":
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        _current.reset(self._token)


_current: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


current = _current.get
"""The allowance that holds here, None if there is none: `current()`."""


def take(work: int) -> None:
    """Take work from the current allowance, if there is one.

    Raises
    ------
    TooMuchWork
        Less is left.
    """
    allowance = _current.get()
    if allowance is not None:
        allowance.left -= work
        if allowance.left < 0:
            raise TooMuchWork
