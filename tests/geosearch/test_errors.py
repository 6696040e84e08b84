"""Each kind of error is of its base, and of the builtin that a caller already catches."""

import pytest

from geosearch.errors import BadData, BadRequest, Fault, GeosearchError, Problem


@pytest.mark.parametrize(
    ("error", "builtin"), [(BadRequest, ValueError), (BadData, ValueError), (Fault, RuntimeError)]
)
def test_an_error_is_also_a_builtin(error: type[GeosearchError], builtin: type[Exception]) -> None:
    raised = error("Expected this, got that")
    assert isinstance(raised, GeosearchError)
    assert isinstance(raised, builtin)
    assert str(raised) == "Expected this, got that"


def test_who_must_act_is_never_in_doubt() -> None:
    kinds = (BadRequest, BadData, Fault)
    assert not [(a, b) for a in kinds for b in kinds if a is not b and issubclass(a, b)]


def test_a_bad_request_says_what_is_wrong_where() -> None:
    wrong: Problem = {"pointer": "/lat", "code": "out_of_range", "detail": "Expected less"}
    error = BadRequest("Expected less", [wrong], "out_of_range")
    assert (error.errors, error.code) == ([wrong], "out_of_range")


def test_a_bad_request_without_details() -> None:
    error = BadRequest("Expected an offset")
    assert (error.errors, error.code) == ([], "bad_request")
