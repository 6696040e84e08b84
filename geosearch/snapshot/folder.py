"""Check of the folder that a new snapshot is written to."""

from pathlib import Path

from geosearch.errors import BadRequest


def check_folder(out: Path, *, overwrite: bool) -> None:
    """Check that a folder, which need not exist, may receive a new snapshot.

    Parameters
    ----------
    overwrite
        Whether the folder may hold files already.

    Raises
    ------
    BadRequest
        `out` is a file, or it holds files and `overwrite` is false.
    """
    if out.exists() and not out.is_dir():
        raise BadRequest(f"Expected a folder, got a file - at `{out}`")
    if not overwrite and out.is_dir() and any(out.iterdir()):
        raise BadRequest(
            f"The folder has files already - choose another, or replace them with --force "
            f"- at `{out}`"
        )
