"""Floor of `http_load`: a server with uvicorn and Starlette that returns constant bytes.

It shows what the HTTP stack costs on this machine without the engine.

    python -m benchmarks.http_floor PORT BYTES
"""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def floor_app(body: bytes) -> Starlette:
    """Return the application that answers `GET` and `POST /v1/nearby` with `body`."""

    async def nearby(request: Request) -> Response:
        await request.body()
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/v1/nearby", nearby, methods=["GET", "POST"])])


def main() -> None:
    """Serve until stopped."""
    port, size = int(sys.argv[1]), int(sys.argv[2])
    body = b'{"results":"' + b"x" * (size - 14) + b'"}'
    uvicorn.run(
        floor_app(body),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
