"""The process as twistd knows it: opens in order, closes backwards. Decides nothing."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final

import attrs
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.failure import Failure

from mytracks import __version__
from mytracks.clock import Clock, Tasks, use_monotonic_timers
from mytracks.control.operations import Operations
from mytracks.control.server import ControlServer
from mytracks.control.wire import SOCKET_NAME
from mytracks.daemon.backups import ScheduledBackups
from mytracks.daemon.certificates import secure_doors
from mytracks.daemon.ground import Ports
from mytracks.daemon.joining import (
    Rooms,
    WrapJournal,
    adopt,
    join,
    open_ground,
    operations,
    url,
)
from mytracks.daemon.secure import SecureDoors
from mytracks.errors import Unavailable
from mytracks.host.data_dir import DataDirLock, DataDirRefused, make_private
from mytracks.host.garbage import settle
from mytracks.host.listeners import Listeners, PortTaken, Wanted
from mytracks.host.log_observer import LevelledObserver
from mytracks.host.prompt import Outbox
from mytracks.host.runtime_file import Runtime, RuntimeFile
from mytracks.host.service_notification import notify
from mytracks.mqtt.carriers.stream import StreamFactory
from mytracks.pki.keyring import KeyRingRefused
from mytracks.settings import BadSetting, Settings
from mytracks.store.files import CorruptDatabase, StoreRefused
from mytracks.store.open import open_store
from mytracks.web.assets import FrontEndMissing

BROKER_PATIENCE: Final = 2.0
"""Seconds for acknowledgements under way when we stop; the store has as long again where its server
hangs, and all of stopping takes less than 5."""
EXIT_REFUSED: Final = 1
EXIT_DATA: Final = 65
EXIT_STORAGE: Final = 74
"""As sysexits.h numbers them: the data is damaged; writing it failed."""


_REFUSALS: Final = (
    *(DataDirRefused, StoreRefused, KeyRingRefused),
    *(PortTaken, FrontEndMissing, OSError),
)
"""What ends a start with one line, which is the error's own."""


class Daemon(Service):
    """The process as twistd knows it."""

    log = Logger()

    def __init__(
        self,
        settings: Settings,
        reactor: Any,
        *,
        observer: LevelledObserver,
        observes: bool,
        reread: Callable[[], Settings],
        wrap_journal: WrapJournal = lambda journal: journal,
    ) -> None:
        self._settings = settings
        self._reactor = reactor
        self._observer = observer
        self._observes = observes
        self._reread = reread
        self._wrap_journal = wrap_journal
        use_monotonic_timers(reactor)
        self._clock = Clock(reactor)
        self._started = int(self._clock.now())
        self._tasks = Tasks()
        self._opened = AsyncExitStack()
        self._ports = Ports(http=None, mqtt=None)
        self._opening: Deferred[None] | None = None
        self._rooms: Rooms | None = None
        self._secure: SecureDoors | None = None
        self._exit_code = 0

    def setServiceParent(self, parent: Any) -> None:
        """Joining the application: its log lines are ours to form, where they go to a terminal."""
        if self._observes and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)
        Service.setServiceParent(self, parent)

    def startService(self) -> None:
        """Begin to open; the process ends with one line when that fails."""
        Service.startService(self)
        self._reactor.addSystemEventTrigger("after", "shutdown", self._leave)
        signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self.reload))
        self._reactor.callWhenRunning(hear_once, signal.SIGTERM)
        self._opening = Deferred.fromCoroutine(self._open()).addErrback(self._broke)

    def stopService(self) -> Deferred[None]:
        """Close everything, backwards."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._close())

    def reload(self) -> None:
        """SIGHUP: take over what can change while running, name what needs a restart."""
        try:
            new = self._reread()
        except BadSetting as error:
            self.log.error("nothing was re-read: {error}", error=str(error))
            return
        self._observer.set_level(new.log_level)
        if self._rooms is not None:
            adopt(self._rooms, new)
        changed = [
            name for name in _RESTARTING if getattr(new, name) != getattr(self._settings, name)
        ]
        self.log.info("re-read the log level ({chosen}) and limits", chosen=new.log_level)
        if changed:
            self.log.warn("needs a restart: {names}", names=", ".join(changed))

    async def _open(self) -> None:
        try:
            await self._open_rooms()
        except CorruptDatabase as error:
            self._give_up(str(error), EXIT_DATA)
        except _REFUSALS as error:
            self._give_up(str(error), EXIT_REFUSED)
        except Unavailable as error:
            self._give_up(f"what was stored cannot be read: {error}", EXIT_REFUSED)

    def _broke(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            self.log.failure("the start failed", failure)
            self._give_up("the start failed by a mistake of ours: see above", EXIT_REFUSED)

    async def _open_rooms(self) -> None:
        settings, opened = self._settings, self._opened
        directory = settings.data_dir
        make_private(directory)
        lock = DataDirLock(directory)
        lock.acquire()
        opened.callback(lock.release)
        store = await open_store(
            directory, settings.database, self._clock, self._reactor, settings.store, self._fatal
        )
        opened.push_async_callback(store.close)
        ground = await open_ground(settings, store, self._clock, self._reactor, opened)
        rooms = join(ground, lambda: self._ports, self._wrap_journal)
        await rooms.tracks.devices.load()
        opened.push_async_callback(rooms.site.close)
        store.database.attach(rooms.broker)
        opened.callback(store.database.detach, rooms.broker)
        opened.push_async_callback(rooms.broker.close, BROKER_PATIENCE)
        await rooms.broker.start()
        await self._open_control(operations(ground))
        await self._listen(rooms)
        # An authority comes to the doors that have just been opened.
        opened.push_async_callback(rooms.pki.acme.renewal.close)
        await rooms.pki.acme.renewal.open()
        backups = ScheduledBackups(settings, self._clock, self._reactor)
        backups.open()
        opened.push_async_callback(backups.close)
        settle()
        self._rooms = rooms
        self._announce(rooms)

    async def _open_control(self, operations: Operations) -> None:
        path, limits = self._settings.data_dir / SOCKET_NAME, self._settings.control
        control = ControlServer(path, operations.run, self._reactor, self._clock, limits)
        await control.open()
        self._opened.push_async_callback(control.close)

    async def _listen(self, rooms: Rooms) -> None:
        settings = self._settings
        listeners = Listeners(self._reactor, settings.bind)
        self._opened.push_async_callback(listeners.close)
        http = await listeners.listen(Wanted("HTTP", settings.http_port, rooms.site))
        carrier = StreamFactory(rooms.broker, "mqtt")
        outbox = Outbox(partial(self._clock.later, 0))
        mqtt = await listeners.listen(Wanted("MQTT", settings.mqtt_port, carrier, outbox))
        self._ports = Ports(http=http, mqtt=mqtt)
        secure = secure_doors(
            settings,
            rooms.pki,
            rooms.broker,
            rooms.site,
            self._clock,
            listeners,
            outbox,
            rooms.handshakes,
            self._secure_doors_changed,
        )
        self._secure = secure
        self._opened.push_async_callback(secure.close)
        await secure.open()
        self._count_ports(secure)

    def _count_ports(self, secure: SecureDoors) -> None:
        self._ports = attrs.evolve(self._ports, https=secure.https.port, mqtt_tls=secure.mqtt.port)

    def _secure_doors_changed(self) -> None:
        """A TLS listener has opened or closed: whoever looks into `runtime.json` has to know."""
        if self._secure is not None:
            self._count_ports(self._secure)
            self._write_runtime_file()

    def _announce(self, rooms: Rooms) -> None:
        settings, ports = self._settings, self._ports
        self._opened.callback(RuntimeFile(settings.data_dir).remove)
        self._write_runtime_file()
        where = url(settings, ports.http)
        self.log.info(
            "mytracks {version} serves {url} and MQTT on port {mqtt}",
            version=__version__,
            url=where if ports.http is not None else "no web",
            mqtt=ports.mqtt if ports.mqtt is not None else "(off)",
        )
        if not rooms.people.accounts.has_admin():
            self.log.info(
                "there is no administrator yet: open {url} to make one",
                url=where + rooms.setup.path,
            )
        if (doubt := self._clock.doubt()) is not None:
            self.log.warn("{doubt}", doubt=doubt)
        notify("READY=1")

    def _write_runtime_file(self) -> None:
        ports, file = self._ports, RuntimeFile(self._settings.data_dir)
        runtime = Runtime(
            pid=os.getpid(),
            version=__version__,
            started=self._started,
            http_port=ports.http,
            https_port=ports.https,
            mqtt_port=ports.mqtt,
            mqtt_tls_port=ports.mqtt_tls,
        )
        try:
            file.write(runtime)
        except OSError as error:
            # A full disk: phones and people do without it, and none is better than an old one.
            with suppress(OSError):
                file.remove()
            self.log.error("runtime.json cannot be written: {reason}", reason=error.strerror)

    async def _close(self) -> None:
        notify("STOPPING=1")
        if self._rooms is not None:
            # A start that failed has said why, and there is nothing under way.
            self.log.info("stopping: what is under way is stored and acknowledged first")
        if self._opening is not None:
            self._opening.cancel()
        self._tasks.stop()
        await self._opened.aclose()

    def _fatal(self, reason: str) -> None:
        """Nothing can be stored any more: end, so that a supervisor starts us anew."""
        self._give_up(reason, EXIT_STORAGE)

    def _give_up(self, reason: str, code: int) -> None:
        self.log.critical("{reason}", reason=reason)
        if not self._observes:
            sys.stderr.write(f"mytracks: {reason}\n")
        self._exit_code = code
        self._reactor.callWhenRunning(self._stop)

    def _stop(self) -> None:
        if self._reactor.running:
            self._reactor.stop()

    def _leave(self) -> None:
        """twistd knows no exit status of a service: where ours is a failure, leave with it."""
        if self._exit_code:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._exit_code)


def hear_once(number: int) -> None:
    """Let whoever handles the signal `number` now hear it once: told twice in one turn, Twisted
    would log that it cannot stop what has stopped."""
    handler = signal.getsignal(number)
    if not callable(handler):
        return
    heard: list[int] = []

    def hear(number: int, frame: Any) -> None:
        if not heard:
            heard.append(number)
            handler(number, frame)

    signal.signal(number, hear)


_RESTARTING: Final = tuple(
    field.name
    for field in attrs.fields(Settings)
    if field.name not in ("config", "log_level", "mqtt", "http")
)
