"""What comes over a socket and what is answered: one request as bytes, one line."""

import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any, cast

import pytest
import uvicorn

from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.guard import GuardedProtocol
from geosearch.service.handlers import Handlers
from geosearch.service.heads import (
    HEADERS_TOO_LARGE,
    MAX_HEADERS,
    MAX_TARGET,
    NOT_HTTP,
    TARGET_TOO_LONG,
)
from geosearch.service.logs import configure_logs
from geosearch.service.metrics import Metrics
from geosearch.service.problems import HttpProblem
from geosearch.service.settings import Settings
from tests.geosearch.fakes import FakeEngine, publish_fake

HOST = b"Host: x\r\n"
LINE = b"GET /healthz HTTP/1.1\r\n"
POST = b"POST /v1/nearby HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"lat":31.23,"lng":121.47}'
CHUNKED = b"1a\r\n" + BODY + b"\r\n0\r\n\r\n"
PLAIN = LINE + HOST + b"Connection: close\r\n\r\n"


def get(target: bytes, version: bytes = b"HTTP/1.1", method: bytes = b"GET") -> bytes:
    return method + b" " + target + b" " + version + b"\r\n" + HOST + b"\r\n"


def head(*lines: bytes) -> bytes:
    return LINE + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def coded(*codings: bytes, body: bytes = CHUNKED) -> bytes:
    return POST + b"".join(b"Transfer-Encoding: " + c + b"\r\n" for c in codings) + b"\r\n" + body


def chunks(body: bytes) -> bytes:
    return coded(b"chunked", body=body)


def sized(*lengths: bytes) -> bytes:
    return POST + b"".join(b"Content-Length: " + n + b"\r\n" for n in lengths) + b"\r\n" + BODY


OK, BAD = (200, "", True), (400, "not_http", False)
NO_HOST, CODING = (400, "bad_host", False), (501, "unknown_transfer_coding", False)
REFUSED = (400, "bad_request", True)
LARGE, LONG = (431, "headers_too_large", False), (414, "uri_too_long", False)
ONCE = (200, "", False)

LENGTH = b"Content-Length: 26\r\n"
PIECES = 600_000
"""More bytes than come at once."""

FILL = MAX_HEADERS - len("Host: x\r\n") - len("X: \r\n")

CASES: list[tuple[str, bytes, tuple[int, str, bool]]] = [
    # Host
    ("one host", head(b"Host: x"), OK),
    ("a host with a port", head(b"hOST: x.example:8080"), OK),
    ("a host of IPv6", head(b"Host: [::1]:80"), OK),
    ("an empty host", head(b"Host:"), OK),
    ("no host", head(), NO_HOST),
    ("no host, other headers", head(b"X-Host: x", b"Accept: */*"), NO_HOST),
    ("two hosts alike", head(b"Host: x", b"Host: x"), NO_HOST),
    ("two hosts", head(b"Host: x", b"Accept: */*", b"host: y"), NO_HOST),
    ("a host with a blank", head(b"Host: a b"), NO_HOST),
    ("a list of hosts", head(b"Host: a, b"), NO_HOST),
    ("a host with a path", head(b"Host: a/b"), NO_HOST),
    ("a host with a user", head(b"Host: u@x"), NO_HOST),
    ("a host beyond ASCII", head(b"Host: \xe6\xb5\xb7"), NO_HOST),
    ("no host but in the target", b"GET http://x/healthz HTTP/1.1\r\n\r\n", NO_HOST),
    ("no host, a body", sized(b"26").replace(HOST, b""), NO_HOST),
    ("1.0 without host", b"GET /healthz HTTP/1.0\r\n\r\n", ONCE),
    ("1.0 with a host", get(b"/healthz", b"HTTP/1.0"), ONCE),
    ("1.0 with two hosts", b"GET /healthz HTTP/1.0\r\n" + HOST * 2 + b"\r\n", NO_HOST),
    # Versions and first lines
    ("0.9", b"GET /healthz\r\n\r\n", BAD),
    ("0.9 in words", get(b"/healthz", b"HTTP/0.9"), BAD),
    ("1.2", get(b"/healthz", b"HTTP/1.2"), BAD),
    ("2.0", get(b"/healthz", b"HTTP/2.0"), BAD),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD),
    ("a small http", get(b"/healthz", b"http/1.1"), BAD),
    ("a blank after the version", get(b"/healthz", b"HTTP/1.1 "), BAD),
    ("an empty line first", b"\r\n\r\n" + get(b"/healthz"), OK),
    ("a blank first", b" " + get(b"/healthz"), BAD),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", BAD),
    ("a small method", get(b"/healthz", method=b"get"), BAD),
    ("an unknown method", get(b"/healthz", method=b"FOO"), BAD),
    ("another method", get(b"/healthz", method=b"DELETE"), (405, "method_not_allowed", True)),
    ("a method without end", b"A" * 20_000, BAD),
    ("a tunnel", get(b"x:443", method=b"CONNECT"), BAD),
    ("a tunnel to a path", get(b"/healthz", method=b"CONNECT"), BAD),
    # Targets
    ("an absolute target", get(b"http://x/healthz"), OK),
    ("an absolute target of another host", get(b"http://y/healthz"), OK),
    ("an absolute target without a path", get(b"http://x"), BAD),
    ("an asterisk", get(b"*"), (404, "not_found", True)),
    ("an asterisk of OPTIONS", get(b"*", method=b"OPTIONS"), (404, "not_found", True)),
    ("an authority", get(b"x:443"), BAD),
    ("no slash", get(b"healthz"), BAD),
    ("only a query", get(b"?lat=1"), BAD),
    ("a blank in the target", get(b"/a b"), BAD),
    ("NUL in the target", get(b"/a\0b"), BAD),
    ("a control character in the target", get(b"/a\x01b"), BAD),
    ("the longest target", get(b"/" + b"a" * (MAX_TARGET - 1)), (404, "not_found", True)),
    ("too long a path", get(b"/" + b"a" * MAX_TARGET), LONG),
    ("too long a query", get(b"/healthz?q=" + b"a" * MAX_TARGET), LONG),
    ("a very long target", get(b"/" + b"a" * 70_000), LONG),
    ("a target without end", b"GET /" + b"a" * 100_000, LONG),
    # Beyond ASCII, as shells send it
    ("raw UTF-8 in the query", get("/v1/nearby?lat=1&lng=2&q=火锅".encode()), OK),
    ("raw UTF-8 in the path", get("/v1/merchants/火锅".encode()), OK),
    ("raw UTF-8 of an unknown path", get("/火锅".encode()), (404, "not_found", True)),
    ("an empty line, then raw UTF-8", b"\r\n" + get("/v1/nearby?lat=1&lng=2&q=é".encode()), OK),
    ("raw Latin-1", get(b"/v1/nearby?lat=1&lng=2&q=\xe9"), REFUSED),
    ("raw UTF-8 of a POST", sized(b"26").replace(b"nearby", "nearby?q=锅".encode()), REFUSED),
    ("too long in raw UTF-8", get(b"/" + "锅".encode() * (MAX_TARGET // 9 + 1)), LONG),
    ("a method beyond ASCII", get(b"/healthz", method="GÉT".encode()), BAD),
    ("a version beyond ASCII", get(b"/healthz", b"HTTP/1.\xb9"), BAD),
    # Headers
    ("a tab", head(b"Host: x", b"X: a\tb"), OK),
    ("a value beyond ASCII", head(b"Host: x", b"X: \xe9"), OK),
    ("a folded header", head(b"Host: x", b"X: a", b" b"), BAD),
    ("a fold first", head(b" X: a", b"Host: x"), BAD),
    ("only line feeds", b"GET /healthz HTTP/1.1\nHost: x\n\n", BAD),
    ("a line feed between headers", head(b"Host: x\nX: y"), BAD),
    ("a CR in a value", head(b"Host: x", b"X: a\rb"), BAD),
    ("NUL in a value", head(b"Host: x", b"X: a\0b"), BAD),
    ("a control character in a value", head(b"Host: x", b"X: a\x01b"), BAD),
    ("DEL in a value", head(b"Host: x", b"X: a\x7fb"), BAD),
    ("NUL in a name", head(b"Host: x", b"X\0: a"), BAD),
    ("a blank before the colon", head(b"Host: x", b"X : a"), BAD),
    ("no name", head(b"Host: x", b": a"), BAD),
    ("no colon", head(b"Host: x", b"Xa"), BAD),
    ("the largest headers", head(b"Host: x", b"X: " + b"a" * FILL), OK),
    ("one byte more", head(b"Host: x", b"X: " + b"a" * (FILL + 1)), LARGE),
    ("many headers", head(b"Host: x", *[b"X: a"] * 4_000), LARGE),
    ("a large name", head(b"Host: x", b"X" * 20_000 + b": a"), LARGE),
    ("a value without end", LINE + HOST + b"X: " + b"a" * 20_000, LARGE),
    ("a name without end", LINE + HOST + b"X" * 20_000, LARGE),
    ("headers without end", LINE + HOST + b"X: a\r\n" * 4_000, LARGE),
    ("a value without end, later", get(b"/healthz")[:-2] + b"X: " + b"a" * 200_000, LARGE),
    # Transfer codings
    ("chunked", coded(b"chunked"), OK),
    ("Chunked", coded(b" Chunked "), OK),
    ("gzip, chunked", coded(b"gzip, chunked"), CODING),
    ("gzip, then chunked", coded(b"gzip", b"chunked"), CODING),
    ("gzip", coded(b"gzip"), CODING),
    ("identity", coded(b"identity"), CODING),
    ("identity, then chunked", coded(b"identity", b"chunked"), CODING),
    ("chunked, then identity", coded(b"chunked", b"identity"), BAD),
    ("chunked, gzip", coded(b"chunked, gzip"), BAD),
    ("chunked twice", coded(b"chunked, chunked"), BAD),
    ("chunked in two headers", coded(b"chunked", b"chunked"), BAD),
    ("an empty coding first", coded(b", chunked"), CODING),
    ("no coding", coded(b""), BAD),
    ("a parameter", coded(b"chunked;q=1"), CODING),
    ("xchunked", coded(b"xchunked"), CODING),
    ("a quoted coding", coded(b'"chunked"'), CODING),
    ("a vertical tab before it", coded(b"\x0bchunked"), BAD),
    ("a coding of a GET", head(b"Host: x", b"Transfer-Encoding: gzip, chunked"), CODING),
    ("a coding of 1.0", coded(b"chunked").replace(b"HTTP/1.1", b"HTTP/1.0"), BAD),
    ("a coding and a length", coded(b"chunked\r\nContent-Length: 26"), BAD),
    ("a length and a coding", coded(b"chunked").replace(HOST, HOST + LENGTH), BAD),
    ("a blank after the name", POST + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKED, BAD),
    # Chunks
    ("an extension", chunks(CHUNKED.replace(b"1a\r\n", b"1a;a=b\r\n")), OK),
    ("many zeros", chunks(b"0" * 300 + CHUNKED), OK),
    ("a size without end", chunks(b"0" * PIECES), BAD),
    ("an extension without end", chunks(b"1a;a=" + b"a" * PIECES), BAD),
    ("a trailer", chunks(CHUNKED[:-2] + b"X: y\r\n\r\n"), OK),
    ("a trailer that would be a host", chunks(CHUNKED[:-2] + b"Host: y\r\n\r\n"), OK),
    ("a trailer without end", chunks(CHUNKED[:-2] + b"X: " + b"a" * PIECES), BAD),
    ("trailers without end", chunks(CHUNKED[:-2] + b"X: a\r\n" * (PIECES // 6)), BAD),
    ("a length after it", chunks(CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n"), BAD),
    ("a size of 17 digits", chunks(b"f" * 17 + b"\r\n" + BODY), BAD),
    ("a negative size", chunks(b"-1\r\n" + BODY), BAD),
    ("a size with 0x", chunks(b"0x" + CHUNKED), BAD),
    ("a blank after the size", chunks(CHUNKED.replace(b"1a\r\n", b"1a \r\n")), BAD),
    ("only line feeds in chunks", chunks(CHUNKED.replace(b"\r\n", b"\n")), BAD),
    ("nothing after a chunk", chunks(b"1a\r\n" + BODY + b"0\r\n\r\n"), BAD),
    # Lengths
    ("a length", sized(b"26"), OK),
    ("blanks around it", sized(b"  26  "), OK),
    ("zeros before it", sized(b"0" * 30 + b"26"), OK),
    ("a plus", sized(b"+26"), BAD),
    ("a minus", sized(b"-26"), BAD),
    ("a blank inside", sized(b"2 6"), BAD),
    ("an underscore", sized(b"2_6"), BAD),
    ("a hexadecimal length", sized(b"0x1a"), BAD),
    ("an empty length", sized(b""), BAD),
    ("two lengths alike", sized(b"26", b"26"), BAD),
    ("two lengths", sized(b"3", b"26"), BAD),
    ("a list of lengths", sized(b"26, 26"), BAD),
    ("a length beyond 64 bits", sized(b"9" * 23), BAD),
    ("a length of 64 bits", sized(b"%d" % (2**64 - 1)), (413, "too_large", False)),
]  # fmt: skip


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    configure_logs("error", io.BytesIO())
    index = tmp_path_factory.mktemp("heads") / "index"
    publish_fake(index)
    engines = Engines(index, FakeEngine, poll_seconds=60)
    engines.load()
    handlers = Handlers(engines, Metrics(engines), Settings())
    config = uvicorn.Config(
        make_app(handlers),
        http=cast(Any, GuardedProtocol),
        loop="geosearch.service.acceptor:AcceptingLoop",
        lifespan="off", log_config=None, ws="none", proxy_headers=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    serving = threading.Thread(target=server.run, args=([listener],))
    serving.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    serving.join()
    handlers.close()


@pytest.mark.parametrize(
    ("sent", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_requests(port: int, sent: bytes, expected: tuple[int, str, bool]) -> None:
    status, code, stays = expected
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(sent)
        response = HTTPResponse(connection)
        response.begin()
        body = response.read()
        assert response.status == status
        assert (json.loads(body)["code"] if code else "") == code
        if stays:
            connection.sendall(PLAIN)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        else:
            assert ends(connection)


def test_raw_utf8_is_read_in_pieces_and_again_on_a_connection(port: int) -> None:
    sent = get("/v1/nearby?lat=1&lng=2&q=火锅".encode())
    raw = sent.index("锅".encode())
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for cut in (3, raw, raw + 1, len(sent) - 3):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(sent[:cut])
            time.sleep(0.02)  # Else both parts may come as one; either is right.
            connection.sendall(sent[cut:])
            response = HTTPResponse(connection)
            response.begin()
            assert (response.status, bool(response.read())) == (200, True)


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (get(b"/healthz", b"HTTP/2.0"), NOT_HTTP),
        (get(b"/" + b"a" * MAX_TARGET), TARGET_TOO_LONG),
        (head(b"Host: x", *[b"X: a"] * 4_000), HEADERS_TOO_LARGE),
        (b"garbage\r\n\r\n", NOT_HTTP),
    ],
    ids=["version", "target", "headers", "garbage"],
)
def test_a_refusal_keeps_nothing_of_its_request(
    port: int, sent: bytes, problem: HttpProblem
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(sent)
        assert connection.recv(9) == b"HTTP/1.1 "
    assert problem.__traceback__ is None


def ends(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:  # What was sent after the end was not read.
        return True


def test_refusals_wait_for_their_turn(port: int) -> None:
    """An answer that is under way comes before the refusal of what was sent after it."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(get(b"/healthz") * 2 + head() + get(b"/healthz"))
        told = b""
        while piece := connection.recv(65_536):
            told += piece
    assert re.findall(rb"HTTP/1.1 (\d+)", told) == [b"200", b"200", b"400"]
    assert told.count(b"bad_host") == 1


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (get(b"/healthz"), [b"200"]),
        (get(b"/v1/nearby?lat=1&lng=2"), [b"200"]),
        (get(b"/v1/nearby?lat=1&lng=2") * 3, [b"200"] * 3),
        (get(b"/healthz") + LINE, [b"200"]),
        (LINE, []),
    ],
    ids=["a request", "a search", "a pipeline", "half a request after it", "half a request"],
)
def test_a_client_that_closes_its_side_gets_its_answers(
    port: int, sent: bytes, statuses: list[bytes]
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        told = b""
        while piece := connection.recv(65_536):
            told += piece
    assert re.findall(rb"HTTP/1.1 (\d+)", told) == statuses
