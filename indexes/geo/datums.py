"""Names of the datums, for readers of settings and tables; `datum` converts between them."""

from typing import Literal, TypeAlias, get_args

Datum: TypeAlias = Literal["WGS84", "GCJ02", "BD09"]

DATUMS: tuple[Datum, ...] = get_args(Datum)
"""The names, in the order of their numbers in kernels."""
