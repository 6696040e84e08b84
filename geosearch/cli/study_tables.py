"""Terminal tables of studies."""

from rich import box
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from geosearch.money.amounts import fraction_digits, money_sign, money_text
from geosearch.studies.card_worth import CardWorth
from geosearch.studies.worth import Worth

_HEADS = (
    "card",
    "fee",
    "as you go",
    "share",
    "partners",
    "advised",
    "a year",
    "pays off after",
    "brochure",
)


def worth_table(found: Worth) -> RenderableType:
    """Return the table of what cards are worth, the best first, and what the columns mean."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for head in _HEADS:
        style = "bold" if head == "a year" else ""
        side: JustifyMethod = "left" if head == "card" else "right"
        table.add_column(head, justify=side, style=style, no_wrap=True)
    for card in found.cards:
        table.add_row(*_row(card, found.currency))
    shown: list[RenderableType] = [table] if found.cards else [Text("No card to value.")]
    for number, habit in enumerate(found.habits):
        name = habit.name or f"habit {number + 1}"
        shown.append(Text(f"{name}: {habit.instants:,} instants, {habit.shops:,g} open shops each"))
    shown += [Text(warning, "yellow") for warning in found.warnings]
    shown.append(Text(_LEGEND, "dim"))
    shown.append(Text(f"{found.at} to {found.until}, snapshot {found.snapshot_id}", "dim"))
    return Group(*shown)


_LEGEND = (
    "Saved per visit: as you go (the card changes nothing you do), on the share of visits where it "
    "saves anything (partners), and always taking the best offer (advised). A year is as you go, "
    "less the fee. The brochure counts visits at partners only."
)


def _row(card: CardWorth, currency: str) -> list[RenderableType]:
    per_visit, after = card.per_visit, card.break_even_visits
    year = card.year.as_you_go
    return [
        card.program_id,
        money_text(card.fee, currency) if card.fee else "free",
        _precise(per_visit.as_you_go, currency),
        f"{100 * per_visit.share_of_visits:.1f} %",
        _precise(per_visit.only_partners, currency),
        _precise(per_visit.advised, currency),
        Text(money_text(year, currency), "red" if year < 0 else "green"),
        _visits(after.as_you_go),
        "never" if after.only_partners is None else f"{after.only_partners:,}",
    ]


def _visits(count: int | None) -> str:
    """Return how many visits it takes, in words."""
    if count is None:
        return "never"
    return f"{count:,} visits" if count else "at once"


def _precise(minor: float, currency: str) -> str:
    """Return an amount with one digit more than money has: a visit may save less than a unit."""
    digits = fraction_digits(currency)
    return f"{money_sign(currency)}{minor / 10**digits:,.{digits + 1}f}"
