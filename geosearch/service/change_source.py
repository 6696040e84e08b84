"""`ChangeSource`: the `geosearch ingest` that a replica follows, asked over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import msgspec
import orjson

from geosearch.errors import BadData, GeosearchError
from geosearch.live.log import Logged
from geosearch.service.version_files import Listing, VersionFile

FAILURES = (GeosearchError, HTTPException, OSError, ValueError)
"""What an attempt to copy may end with; any other exception is a fault of ours."""

_TIMEOUT_SECONDS = 10.0
_LISTING_SECONDS = 120.0
"""The source reads a new version once before it lists it."""


class ChangeSource:
    """Requests to a source.

    Parameters
    ----------
    url
        Of the service.
    token
        What its requests must carry.
    """

    def __init__(self, url: str, token: bytes) -> None:
        self.url = url.rstrip("/")
        self._token = token

    def feed(self, after: int, limit: int, wait: float) -> tuple[int, list[Logged]]:
        """Number of the last change of the feed, and its changes after a number.

        Raises
        ------
        BadData
            The answer is no feed, or a refusal.
        OSError
            There is no answer.
        """
        path = f"/v1/changes?after={after}&limit={limit}&wait={wait}"
        try:
            with self._asked(path, "the feed") as answer:
                told = orjson.loads(answer.read())
                return int(told["head"]), [_logged(one) for one in told["changes"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise BadData("Expected the feed of changes, got other JSON") from error

    def listing(self) -> Listing:
        """The files of the version that the source serves.

        Raises
        ------
        BadData
            The answer is no list of files, or a refusal.
        OSError
            There is no answer.
        """
        try:
            with self._asked("/v1/versions", "a list of files", _LISTING_SECONDS) as answer:
                return msgspec.json.decode(answer.read(), type=Listing)
        except msgspec.MsgspecError as error:
            raise BadData(f"Expected a list of files, got other JSON ({error})") from error

    @contextmanager
    def file(self, version: str, file: VersionFile, start: int) -> Iterator[HTTPResponse]:
        """The bytes of a file from a place on.

        Raises
        ------
        BadData
            The source refuses, or does not start there.
        OSError
            There is no answer.
        """
        path = f"/v1/versions/{quote(version)}/{quote(file.path)}"
        # An empty file has no range.
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._asked(path, f"the file {file.path}", headers=headers) as answer:
            if (answer.status == 206) != bool(start):
                raise BadData(f"Expected {file.path} from byte {start} on, got all of it")
            yield answer

    @contextmanager
    def _asked(
        self,
        path: str,
        expected: str,
        seconds: float = _TIMEOUT_SECONDS,
        headers: dict[str, str] | None = None,
    ) -> Iterator[HTTPResponse]:
        bearer = {"Authorization": f"Bearer {self._token.decode('ascii')}"}
        request = Request(self.url + path, headers=bearer | (headers or {}))
        try:
            with urlopen(request, timeout=seconds) as answer:
                yield answer
        except HTTPError as error:
            raise BadData(f"Expected {expected}, got status {error.code}") from error


def _logged(told: dict[str, Any]) -> Logged:
    """A change of the feed as the log has it."""
    accepted = datetime.fromisoformat(told.pop("accepted_at"))
    return Logged(told.pop("seq"), round(accepted.timestamp() * 1_000), orjson.dumps(told))
