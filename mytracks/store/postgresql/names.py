"""Where the server's name leads, asked in a thread: libpq would ask on the reactor, and a name
server that is gone with the database would stop every phone for as long as it is silent."""

import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.store.postgresql.address import parts
from mytracks.store.postgresql.failures import Gone, Late

NAME: Final = "storage-resolver"

Found = Mapping[str, str]
"""Parameters of libpq beside those of the URL."""


def look_up(host: str) -> Sequence[str]:
    """The addresses of a name, the preferred ones first. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Names:
    """The hosts of one URL, looked up anew for every connection, by one thread at a time."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        call: Callable[..., object],
        within: float,
        look: Callable[[str], Sequence[str]] = look_up,
    ) -> None:
        self._clock = clock
        self._call = call
        self._within = within
        self._look = look
        found = parts(url)
        self._hosts = found.get("host", "").split(",")
        self._ports = found.get("port", "").split(",")
        self._known = "hostaddr" in found or all(map(_needs_none, self._hosts))
        self._askers: list[Deferred[Found]] = []
        self._thread: Thread | None = None

    def found(self) -> Deferred[Found]:
        """Where to connect. Fails with Gone when there is no such name, with Late in time."""
        if self._known:
            return succeed({})
        asker: Deferred[Found] = Deferred()
        self._askers.append(asker)
        timer = self._clock.later(self._within, self._give_up, asker)
        asker.addBoth(self._stop, timer)
        if self._thread is None:
            self._thread = Thread(target=self._ask, name=NAME, daemon=True)
            self._thread.start()
        return asker

    def close(self) -> None:
        """Nobody waits any more. A thread that still does ends with the look-up, or with us."""
        askers, self._askers = self._askers, []
        for asker in askers:
            asker.errback(Gone("the store is closed"))

    def _stop(self, result: Any, timer: Any) -> Any:
        if timer.active():
            timer.cancel()
        return result

    def _give_up(self, asker: Deferred[Found]) -> None:
        self._askers.remove(asker)
        asker.errback(Late("no answer about the name of the server"))

    def _answered(self, result: Any) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        askers, self._askers = self._askers, []
        for asker in askers:
            asker.callback(result)

    # In the thread, from here on.

    def _ask(self) -> None:
        try:
            result: Any = self._asked()
        except OSError as error:
            result = Failure(Gone(f"its name: {error.strerror or error}"))
        except Exception:  # noqa: BLE001  # those who wait need an answer, whatever went wrong
            result = Failure()
        self._call(self._answered, result)

    def _asked(self) -> Found:
        """Every address as a host of its own: libpq tries them in turn."""
        hosts: list[tuple[str, str, str]] = []
        ports = self._ports * len(self._hosts) if len(self._ports) == 1 else self._ports
        for host, port in zip(self._hosts, ports, strict=True):
            addresses = [host] if _is_address(host) else self._look(host)
            hosts += [(host, address, port) for address in addresses]
        names, addresses, numbers = (",".join(column) for column in zip(*hosts, strict=True))
        return {"host": names, "hostaddr": addresses, "port": numbers}


def _needs_none(host: str) -> bool:
    """Whether it is an address, or the folder of a socket; empty: libpq's own folder."""
    return not host or host.startswith(("/", "@")) or _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
