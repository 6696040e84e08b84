"""The folder that a snapshot is written to."""

from pathlib import Path

from geosearch.errors import BadRequest


def check_folder(out: Path, *, overwrite: bool) -> None:
    """Check that a new snapshot may be written to a folder, which need not exist.

    Parameters
    ----------
    overwrite
        Whether files of the same names may be replaced where it holds some already.

    Raises
    ------
    BadRequest
        It is a file, or holds files that may not be replaced.
    """
    if out.exists() and not out.is_dir():
        raise BadRequest(f"Expected a folder, got a file - at `{out}`")
    if not overwrite and out.is_dir() and any(out.iterdir()):
        raise BadRequest(
            f"The folder has files already - choose another, or replace them with --force "
            f"- at `{out}`"
        )
