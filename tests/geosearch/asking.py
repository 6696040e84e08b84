"""Questions of tests to services that are processes, with the standard library."""

import json
import socket
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from typing import Any

from tests.geosearch.waiting import PATIENCE_S


def connected(port: int) -> closing[HTTPConnection]:
    """A connection to a port of this machine, which the context closes."""
    return closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S))


def asked(
    connection: HTTPConnection, path: str, body: str | None = None, **headers: str
) -> tuple[int, Any]:
    """Status and JSON of an answer; a body is posted."""
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def asked_once(port: int, path: str, body: str | None = None, **headers: str) -> tuple[int, Any]:
    """`asked` on a connection of its own."""
    with connected(port) as connection:
        return asked(connection, path, body, **headers)


def is_ready(port: int, path: str = "/readyz") -> bool:
    """Whether a service answers with 200."""
    with suppress(OSError, HTTPException):
        return asked_once(port, path)[0] == 200
    return False


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
