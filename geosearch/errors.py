"""The three kinds of error, by who must act: the caller, the operator, or us.

Every message is one sentence: what was expected, what came, where.
"""

from typing import TypedDict


class Problem(TypedDict):
    """One thing that is wrong with a request."""

    pointer: str
    code: str
    detail: str


class GeosearchError(Exception):
    """Base of every error this package raises on purpose."""


class BadRequest(GeosearchError, ValueError):
    """The caller asked for something that cannot be answered.

    Parameters
    ----------
    message
        One sentence.
    errors
        What is wrong, one entry a parameter; `pointer` is a JSON pointer such as `/lat`.
    code
        Stable code of the whole, for programs.
    """

    def __init__(
        self, message: str, errors: list[Problem] | None = None, code: str = "bad_request"
    ) -> None:
        super().__init__(message)
        self.errors: list[Problem] = errors or []
        self.code = code


class Misdirected(BadRequest):
    """Another region answers this; `region_id` names it, None if no region does."""

    def __init__(self, message: str, errors: list[Problem], region_id: str | None) -> None:
        super().__init__(message, errors, "misdirected")
        self.region_id = region_id


class BadData(GeosearchError, ValueError):
    """A snapshot or an index cannot be used; its operator must act."""


class NotReady(BadData):
    """The index does not reach to now; its operator must build another version."""


class Behind(NotReady):
    """The index does not show a live change that the caller wants to read, at least not yet."""


class Fault(GeosearchError, RuntimeError):
    """Something this project got wrong."""
