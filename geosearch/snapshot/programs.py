"""Validation of cards: raw frame to the columns of the build."""

import polars as pl

from geosearch.snapshot.checks import typed
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.tables import PROGRAMS


def programs_frame(raw: pl.DataFrame, log: RejectLog) -> pl.DataFrame:
    """Return the accepted cards, in file order; those with a bad status are `in_doubt`."""
    checker = typed(raw, PROGRAMS, log)
    checker.mark_doubts()
    checker.reject_duplicates()
    return checker.frame.with_columns(
        # An unreadable status stays unknown.
        pl.when(~pl.col("in_doubt"))
        .then(pl.col("status").fill_null("ACTIVE"))
        .otherwise("status")
        .alias("status"),
        pl.col("fee").fill_null(0),
    )
