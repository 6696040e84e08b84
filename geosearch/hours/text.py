"""`read_hours`: free-text opening hours to a valid opening_hours expression.

It keeps a valid expression, repairs an unambiguous text, warns of the overnight trap and of doubts,
and refuses every other text with one sentence. `geosearch.hours.schedules` evaluates expressions.

A valid expression means exactly what the specification says. Another text is split into words
(`geosearch.hours.words`), times and signs. One unknown word, one time that may be morning or
afternoon, or one missing separator that would change the hours refuses the text: a wrong guess
would send people to a closed door.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from geosearch.hours.doubts import doubt
from geosearch.hours.grammar import written_expression
from geosearch.hours.rules import parse
from geosearch.hours.trap import Trap, overnight_trap

LONGEST_TEXT: Final = 1000
"""Most characters of a text; the longest real value has 255, the limit of an OSM tag."""


class UnreadableHours(ValueError):
    """Opening hours that are not understood, or are ambiguous."""


@dataclass(frozen=True, slots=True)
class HoursText:
    """Opening hours in a form that can be evaluated.

    Parameters
    ----------
    expression
        Valid expression: the text itself, or its repaired form.
    repaired
        Whether the text was invalid.
    trap
        The rule that cuts off hours past midnight of another one, and the probable intention. None
        without such a cut. `expression` keeps the cut.
    doubt
        How the author may have meant it otherwise; None without a doubt.
    """

    expression: str
    repaired: bool
    trap: Trap | None
    doubt: str | None


@lru_cache(maxsize=65_536)
def read_hours(text: str) -> HoursText:
    """Return opening hours as a valid expression; repair an invalid text if it is unambiguous.

    Raises
    ------
    UnreadableHours
        The text is too long, is not understood or is ambiguous.

    Examples
    --------
    >>> read_hours("周一至周五 10:00-22:00").expression
    'Mo-Fr 10:00-22:00'
    >>> read_hours("Fr 18:00-02:00; Sa 10:00-20:00").trap.meant
    'Fr 18:00-02:00, Sa 10:00-20:00'
    """
    if len(text) > LONGEST_TEXT:
        raise UnreadableHours(
            f"Expected at most {LONGEST_TEXT} characters of opening hours, got {len(text)} - at "
            f"{text[:40]!r}"
        )
    expression = text.strip()
    repaired = False
    try:
        parse(expression)
    except ValueError:
        repaired = True
        try:
            expression = written_expression(text)
            parse(expression)
        except ValueError as error:
            raise UnreadableHours(f"Expected opening hours, got {text!r} - at {error}") from None
    return HoursText(expression, repaired, overnight_trap(expression), doubt(expression))
