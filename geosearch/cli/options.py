"""Command-line options made from the tables of query parameters and settings.

The options of `geosearch search` are the parameters of `/v1/nearby`, those of `geosearch serve` the
settings. So each name and help text is written once. The readers of the tables check the values,
with the same sentences as over HTTP.
"""

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import typer

from geosearch.errors import BadData, BadRequest
from geosearch.hours.instants import read_instant
from geosearch.query.parameters import DEFAULT_LANGUAGE, LANGUAGES, PARAMETERS
from geosearch.service.settings import SETTINGS, Setting, as_text

S = TypeVar("S")


class OptionRow(NamedTuple):
    """One option: its name, the placeholder of its value, and a line of help."""

    name: str
    metavar: str
    help: str
    flag: bool = False

    @property
    def option(self) -> str:
        """Name on the command line.

        >>> OptionRow("min_rating", "NUMBER", "").option
        '--min-rating'
        """
        return "--" + self.name.replace("_", "-")


Given = list[tuple[str, str]]
"""Given options as pairs of name and text; a repeated option has several pairs."""


def with_options(rows: Iterable[OptionRow]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds one option for each row to a command.

    The decorated function takes its own options and `given: Given`, the given ones of the rows.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [row for row in signature(command).parameters.values() if row.name != "given"]
        fixed = {row.name for row in own}
        listed = {row.name: row for row in rows}

        def entry(**values: Any) -> None:
            texts = [
                (name, text)
                for name, row in listed.items()
                if values[name]
                for text in (["true"] if row.flag else values[name])
            ]
            command(given=texts, **{name: values[name] for name in fixed})

        parameters = [*own, *(_parameter(row) for row in listed.values())]
        entry.__doc__ = command.__doc__
        entry.__name__ = command.__name__
        entry.__annotations__ = {row.name: row.annotation for row in parameters}
        entry.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return entry

    return decorate


def _parameter(row: OptionRow) -> Parameter:
    if row.flag:
        kind: Any = Annotated[bool, typer.Option(row.option, help=row.help)]
        return Parameter(row.name, Parameter.KEYWORD_ONLY, default=False, annotation=kind)
    kind = Annotated[list[str] | None, typer.Option(row.option, help=row.help, metavar=row.metavar)]
    return Parameter(row.name, Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def only_once(given: Given) -> dict[str, str]:
    """Return the given options by name.

    Raises
    ------
    typer.BadParameter
        An option was given twice with different texts.

    Examples
    --------
    >>> only_once([("port", "80")])
    {'port': '80'}
    """
    texts = dict(given)
    for name, text in given:
        if text != texts[name]:
            raise typer.BadParameter(
                f"{OptionRow(name, '', '').option} was given more than once, as {text!r} and "
                f"{texts[name]!r}"
            )
    return texts


def query_rows() -> list[OptionRow]:
    """Return rows for the parameters of `/v1/nearby` except the polygon, which is a file."""
    return [
        OptionRow(
            each.name, "|".join(each.choices) or each.kind.upper(), each.help, each.kind == "flag"
        )
        for each in PARAMETERS.values()
        if each.in_url
    ]


def setting_rows(table: Mapping[str, Setting] | None = None) -> list[OptionRow]:
    """Return rows for the settings of a table, by default those of `geosearch serve`."""
    return [
        OptionRow(
            each.name,
            "|".join(each.choices) or ("LIST" if each.items else each.kind.__name__.upper()),
            f"{each.help} Default {as_text(each.default).lower() or 'none'}.",
        )
        for each in (SETTINGS if table is None else table).values()
    ]


def settings_from(load: Callable[..., S], said: Mapping[str, str], config: Path | None) -> S:
    """Settings of a command; those on the command line are checked first, by themselves.

    Parameters
    ----------
    load
        Loads the settings, as `service.settings.load_settings`.
    said
        Those on the command line.
    config
        TOML file of further ones; the environment has more.

    Raises
    ------
    BadRequest
        A setting on the command line is wrong.
    BadData
        Another one is.
    """
    try:
        load(said, environment={})
    except BadData as wrong:
        raise BadRequest(str(wrong)) from wrong
    return load(said, environment=os.environ, file=config)


def locale_language(environment: Mapping[str, str]) -> str:
    """Return the language of the locale, or the default for another one.

    Examples
    --------
    >>> locale_language({"LANG": "zh_CN.UTF-8"}), locale_language({"LC_ALL": "C", "LANG": "zh_CN"})
    ('zh', 'en')
    """
    names = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next(filter(None, names), "")
    language = re.split("[_.@-]", locale.lower())[0]
    return language if language in LANGUAGES else DEFAULT_LANGUAGE


def integer(text: str) -> int:
    """Return the whole number of an option.

    Raises
    ------
    typer.BadParameter
        The text is not a whole number.

    Examples
    --------
    >>> integer("100_000")
    100000
    """
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"expected a whole number, got {text!r}") from None


def share(text: str) -> float:
    """Return the share of an option, from 0 to 1.

    Raises
    ------
    typer.BadParameter
        The text is not a number from 0 to 1.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if 0.0 <= number <= 1.0:
        return number
    raise typer.BadParameter(f"expected a share from 0 to 1, got {text!r}")


def instant(text: str) -> datetime:
    """Return the instant of an option.

    Raises
    ------
    typer.BadParameter
        The text is not an RFC 3339 instant with an offset.
    """
    try:
        moment = read_instant(text)
    except (ValueError, OverflowError):
        moment = datetime.min
    if moment.tzinfo is not None:
        return moment
    raise typer.BadParameter(f"expected an RFC 3339 instant with offset, got {text!r}")
