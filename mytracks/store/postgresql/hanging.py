"""A bound for a thread that asks a server and waits: psycopg2 itself waits for ever.

The server's own limits do not help when it is the server that hangs.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Final

import psycopg2
from psycopg2 import extensions

from mytracks.store.files import StoreRefused

NAME: Final = "storage-bound"


@contextmanager
def bounded(connection: extensions.connection, where: str, seconds: float) -> Iterator[None]:
    """End `connection` when what is done within takes more than `seconds`.

    Raises StoreRefused then.
    """
    done, late = Event(), Event()
    # Of our own: psycopg2 lets nobody else near its connection while it waits.
    line = socket.socket(fileno=os.dup(connection.fileno()))

    def watch() -> None:
        if not done.wait(seconds):
            late.set()
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    thread = Thread(target=watch, name=NAME, daemon=True)
    thread.start()
    try:
        yield
    except psycopg2.Error:
        if late.is_set():
            raise StoreRefused(
                f"the database {where} does not answer: nothing came for {seconds:g} s"
            ) from None
        raise
    finally:
        done.set()
        thread.join()
        line.close()
