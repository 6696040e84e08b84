"""Cross-origin requests: which web pages a browser lets read the answers (Fetch standard, CORS).

The setting `cors_origins` names the origins. A browser refuses an answer without the header
`Access-Control-Allow-Origin`; so the answer to another origin lacks that header, and is the same
otherwise. There are no cookies and no accounts, so credentials are never allowed.
"""

from collections.abc import Collection

from geosearch.service.problems import HttpProblem

Headers = tuple[tuple[bytes, bytes], ...]

ANY_ORIGIN = "*"

KEPT_SECONDS = 7_200
"""How long a browser keeps the answer to a preflight, seconds: the most that Chrome allows."""

_ALLOWED = b"content-type, if-none-match, x-request-id"
"""Headers that a page may send besides those that always may."""

_EXPOSED = b"allow, etag, retry-after, x-request-id"
"""Headers of answers that a page may read besides those that always may."""


class CrossOrigin:
    """What answers say to pages of other origins.

    Parameters
    ----------
    origins
        The setting `cors_origins`: serialised origins, or `*` for any.

    Attributes
    ----------
    is_on
        Whether there are any.
    varies
        Headers of requests that decide the headers of answers, for `Vary`.
    """

    def __init__(self, origins: Collection[str] = ()) -> None:
        self.is_on = bool(origins)
        self._is_any = ANY_ORIGIN in origins
        # With `*` answers are the same for every page, so a cache may answer all of them.
        self.varies = (b"origin",) if self.is_on and not self._is_any else ()
        exposed = (b"access-control-expose-headers", _EXPOSED)
        self._by_origin: dict[bytes, Headers] = {
            origin.encode(): ((b"access-control-allow-origin", origin.encode()), exposed)
            for origin in origins
        }
        self._others: Headers = ()
        if self._is_any:
            self._by_origin = {}
            self._others = ((b"access-control-allow-origin", b"*"), exposed)

    def headers(self, origin: bytes | None) -> Headers:
        """Return the headers of an answer to `origin`, None for a request without one."""
        return self._others if origin is None else self._by_origin.get(origin, self._others)

    def preflight(self, origin: bytes, methods: str) -> Headers:
        """Return the headers that allow a request, besides `headers`.

        Parameters
        ----------
        origin
            The header `Origin` of the preflight.
        methods
            Methods of the route, separated by commas.

        Raises
        ------
        HttpProblem
            Code `origin_not_allowed`.
        """
        if not self._is_any and origin not in self._by_origin:
            got = ascii(origin[:100].decode("latin-1"))
            expected = "Expected an origin that the setting `cors_origins` names"
            raise HttpProblem("origin_not_allowed", f"{expected}, got {got}")
        return (
            (b"access-control-allow-methods", methods.encode()),
            (b"access-control-allow-headers", _ALLOWED),
            (b"access-control-max-age", b"%d" % KEPT_SECONDS),
        )
