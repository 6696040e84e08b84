"""Hours as people write them, to an expression that the opening_hours parser accepts.

Useful for: `read_hours`, which keeps what is valid as it is, repairs what can be read in one way
only, names the overnight trap, and refuses the rest with one sentence.
Not useful for: evaluating; that is `geosearch.hours.schedules`.

A valid expression means exactly what the specification says, whatever its writer may have meant.
The others are taken apart into words (`geosearch.hours.words`), times and signs; one word that is
not understood, one time that may be morning or afternoon, one missing separator that would change
the hours, and the text is refused: nobody may be sent to a closed door.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from geosearch.hours.doubts import doubt
from geosearch.hours.grammar import written_expression
from geosearch.hours.rules import parse
from geosearch.hours.trap import Trap, overnight_trap

LONGEST_TEXT: Final = 1000
"""Characters; the longest real value has 255, the limit of an OSM tag."""


class UnreadableHours(ValueError):
    """Opening hours that cannot be read, or not in one way only."""


@dataclass(frozen=True, slots=True)
class HoursText:
    """Hours that can be evaluated.

    Parameters
    ----------
    expression
        What the parser accepts: the text itself where it is valid, else the repaired form.
    repaired
        Whether the text was not valid.
    trap
        The rule that cuts off hours past midnight of another one, and what was probably meant.
        None where there is no such cut. `expression` keeps the cut.
    doubt
        How its writer may have meant it otherwise; None where nothing speaks for that.
    """

    expression: str
    repaired: bool
    trap: Trap | None
    doubt: str | None


@lru_cache(maxsize=65_536)
def read_hours(text: str) -> HoursText:
    """Read hours: valid ones as they are, others where there is one way only.

    Raises
    ------
    UnreadableHours
        One sentence: what was expected, what came, where.

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
