"""Where opening-hours-py, the library that names days, reads whole expressions otherwise.

Useful for: tests that ask it as one more opinion, on values where it is right.
Not useful for: saying what is right; that is opening_hours.js, and `hours_oracle`.
"""

from geosearch.hours.rules import parse
from indexes.timetable import CLOSED


def library_errs(value: str) -> bool:
    """Whether a value has what opening-hours-py reads otherwise than the specification."""
    rules = parse(value)
    bare = '"' in value or "+" in value or "||" in value or ", " in value
    closed_times = any(rule.state == CLOSED and rule.spans for rule in rules)
    both = any(len(conjunction) > 1 for rule in rules for conjunction in rule.days)
    overnight = any(
        span.is_overnight or (span.end is not None and span.end.usual > 1440)
        for rule in rules
        for span in rule.spans
    )
    return bare or closed_times or both or (overnight and len(rules) > 1)
