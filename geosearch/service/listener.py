"""Sockets that the services listen on; an address that is taken is told in a sentence."""

import errno
import socket

from geosearch.errors import BadData


def bound(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; it refuses connections until it listens.

    Raises
    ------
    BadData
        The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # As `socket.create_server` does: connections of an earlier run may still be closing.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise not_free(host, port, error) from error
    listener.set_inheritable(True)
    return listener


def not_free(host: str, port: int, error: OSError) -> BadData:
    """Return the sentence for an address that cannot be had."""
    match error.errno:
        case errno.EADDRINUSE:
            return BadData(f"Port {port} is already in use - choose another with --port")
        case errno.EACCES:
            return BadData(f"Port {port} needs more rights - choose one above 1023 with --port")
    reason = error.strerror or str(error)
    return BadData(f"Cannot listen on {host}, port {port}: {reason} - choose another with --host")
