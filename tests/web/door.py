"""The web door for tests: real HTTP on a port of its own, real people, memory behind them."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast
from urllib.parse import urlencode

import msgspec
from attrs import field, frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Protocol
from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers

from mytracks.errors import Unavailable
from mytracks.health import health
from mytracks.mqtt.carriers.websocket import Sockets
from mytracks.mqtt.routing.journal import Recorded as Durable
from mytracks.mqtt.routing.ports import Message
from mytracks.phones.desk import Desk
from mytracks.phones.facts import Fact, Kept, SetAside
from mytracks.phones.http_mode import HTTPMode
from mytracks.phones.intake import Intake
from mytracks.phones.limits import Limits as PhonesLimits
from mytracks.phones.presence import Presence
from mytracks.phones.quarantine import Quarantine
from mytracks.pki.build import PKI
from mytracks.pki.build import build as build_pki
from mytracks.pki.handshakes import Diagnoses
from mytracks.pki.limits import Limits as PKILimits
from mytracks.sharing.identity import COMMAND_LINE, Device, Principal
from mytracks.sharing.visibility import Visibility
from mytracks.tracks.build import Tracks
from mytracks.tracks.build import build as build_tracks
from mytracks.tracks.limits import Limits as TracksLimits
from mytracks.tracks.locations import Recorded
from mytracks.web.assets import Assets
from mytracks.web.build import build
from mytracks.web.limits import Limits
from mytracks.web.pages.setup import SetupToken
from mytracks.web.proxies import Network
from mytracks.web.services import WebServices
from mytracks.web.site import Site
from tests.mqtt.routing.rig import Rig
from tests.people.room import GOOD, Room
from tests.phones.desk_memory import MemoryDesk, MemoryMessages, OpenSeal
from tests.phones.memory import MemoryQuarantine
from tests.pki.memory import MemoryStore as MemoryCertificates
from tests.tracks.memory import MemoryDevices, MemoryLocations

VERSION = "1.2.3-test"
TOKEN = re.compile(rb'name="csrf_token" value="([^"]+)"')

TEMPLATES = {
    "login.html": '<input name="csrf_token" value="{{ csrf_token }}">'
    '<input name="next" value="{{ next }}">{{ error or "" }}|{{ username }}|{{ viewer }}'
    "{{ theme }}{{ path }}{{ version }}",
    "login_second.html": '<input name="csrf_token" value="{{ csrf_token }}">{{ error or "" }}|'
    "{{ viewer }}",
    **dict.fromkeys(
        (
            "profile/second_factor_page.html",
            "profile/second_factor_set_up.html",
            "profile/second_factor_confirm.html",
            "profile/passkey_remove.html",
            "profile/recovery_codes.html",
            "profile/certificates_page.html",
            "about.html",
            "api_docs.html",
            "profile.html",
        ),
        '<input name="csrf_token" value="{{ csrf_token }}">{{ secret|default("") }}|'
        "{{ errors|default({})|tojson }}|{{ codes|default([])|join(' ') }}|"
        "{{ passkey|default({})|tojson }}",
    ),
    "setup.html": '<input name="csrf_token" value="{{ csrf_token }}">'
    "{% for name, texts in errors.items() %}{{ name }}: {{ texts|join }};{% endfor %}"
    "{{ username }}",
    "map.html": '<meta name="csrf-token" content="{{ csrf_token }}"><script '
    'type="application/json" id="page-data">{{ page_data|tojson }}</script>'
    '<script src="{{ asset("map.ts") }}"></script>',
    "error.html": "<h1>{{ status }} {{ title }}</h1><p>{{ detail }}</p>{{ viewer }}",
}


@frozen
class Reply:
    """An HTTP answer, read to its end. `headers`: names in lower case, the last of each."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Sequence[str] = field(factory=list)

    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def token(self) -> str:
        """The CSRF token of the form on the page."""
        found = TOKEN.search(self.body)
        assert found is not None, self.body
        return found[1].decode()


class MemoryBroker:
    """Publisher and Keeper of HTTP mode: remembers what it was given, or has trouble."""

    def __init__(self) -> None:
        self.published: list[tuple[Principal, Message]] = []
        self.kept: list[Fact] = []
        self.down = False
        self.mistake: Exception | None = None
        self.holding = False
        self.held: list[Deferred[None]] = []

    def publish(self, who: Principal, message: Message) -> Deferred[None]:
        """Taken at once; while `holding` the answer waits."""
        if self.down:
            raise Unavailable("The disk is full.")
        if self.mistake is not None:
            return fail(self.mistake)
        self.published.append((who, message))
        if not self.holding:
            return succeed(None)
        self.held.append(Deferred())
        return self.held[-1]

    def record(self, facts: Sequence[Fact]) -> Deferred[Durable[Kept]]:
        """Stored at once."""
        self.kept += facts
        return succeed(Durable([Kept(fact=fact, device=None, new=True) for fact in facts]))


class Door:
    """A site with everything behind it. Open it before use, close it at the end.

    `mqtt`: a broker without sockets, whose clients an administrator is shown. `pki`: whoever makes
    certificates opens it first (`open_pki`), for it has threads.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        public_url: str | None = None,
        proxies: Sequence[Network] = (),
        assets: Assets | None = None,
    ) -> None:
        self.room = Room()
        self.people = self.room.people
        self.broker = MemoryBroker()
        self.mqtt = Rig()
        self.own_address: str | None = None
        self.acme: dict[str, str] = {}
        """Challenges: what is answered, by token."""
        self.locations = MemoryLocations()
        self.presence = Presence()
        self.desk = MemoryDesk(self.room.store.accounts.left)
        self.messages = MemoryMessages()
        self.withdrawn: list[Device] = []
        self.setup = SetupToken()
        self.health = health(VERSION, "ok", "", self.room.clock.now())
        self.tracks = self._tracks()
        self.intake = self._intake()
        self.quarantine = MemoryQuarantine(self._kept)
        self.certificates = MemoryCertificates()
        self.pki = self._pki()
        self.handshakes = Diagnoses(self.room.clock)
        self._pki_opened = False
        self.site: Site = build(
            WebServices(
                people=self.people,
                history=self.tracks.history,
                devices=self.tracks.devices,
                desk=self._desk(),
                live=self.tracks.live,
                presence=self.presence,
                http_mode=HTTPMode(self.broker, self.broker, self.intake, self.room.clock),
                quarantine=self._quarantine(),
                mqtt_sockets=Sockets(cast(Any, self.broker), self.room.clock.timers),
                attendance=self.mqtt.broker.attendance,
                pki=self.pki,
                handshakes=self.handshakes,
                assets=assets or made_assets(),
                health=lambda: self.health,
                public_url=lambda: public_url,
                mqtt_port=lambda: 1883,
                own_address=lambda: self.own_address,
                setup=self.setup,
                clock=self.room.clock,
                version=VERSION,
                trusted_proxies=proxies,
                acme_challenge=self.acme.get,
            ),
            limits or Limits(),
        )
        self._listening: IListeningPort | None = None

    async def open(self) -> "Door":
        """Listening, with the account `ana`."""
        await self.room.open()
        await self.people.accounts.add("ana", GOOD, by=COMMAND_LINE)
        self._listening = cast(Any, reactor).listenTCP(0, self.site, interface="127.0.0.1")
        return self

    async def close(self) -> None:
        """Nothing of it is left."""
        if self._listening is not None:
            await cast("Deferred[None]", self._listening.stopListening())
        await self.site.close()
        if self._pki_opened:
            await self.pki.close()
        await self.room.close()

    async def open_pki(self) -> PKI:
        """Its threads run until the door is closed."""
        self._pki_opened = True
        await self.pki.open()
        return self.pki

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._listening is not None
        return int(cast(Any, self._listening.getHost()).port)

    @property
    def origin(self) -> str:
        """As a browser writes it."""
        return f"http://127.0.0.1:{self.port}"

    def store(self, device: Device, *recorded: Recorded) -> None:
        """Locations that were there before."""
        for one in recorded:
            self.locations.rows.append(one)
            self.tracks.devices.note(device, one.location.received, one.location)

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """One request on a connection of its own; follows nothing."""
        sent = Headers()
        for name, value in (headers or {}).items():
            sent.addRawHeader(name.encode(), value.encode())
        answer = await Agent(cast(Any, reactor)).request(
            method.encode(),
            f"{self.origin}{path}".encode(),
            sent,
            FileBodyProducer(io.BytesIO(body)) if body is not None else None,
        )
        content = await readBody(answer)
        known = {
            name.decode().lower(): values[-1].decode()
            for name, values in answer.headers.getAllRawHeaders()
        }
        cookies = [c.decode() for c in answer.headers.getRawHeaders(b"Set-Cookie") or []]
        return Reply(answer.code, known, content, cookies)

    def _tracks(self) -> Tracks:
        return build_tracks(
            cast(Any, self.room.store.transactions),
            MemoryDevices([]),
            self.locations,
            Visibility,
            self.room.clock,
            TracksLimits(),
        )

    def _intake(self) -> Intake:
        tracks, limits = self.tracks, PhonesLimits()
        return Intake(tracks.devices, tracks.live, self.presence, self.room.clock, limits)

    def _pki(self) -> PKI:
        stored = self.certificates
        return build_pki(
            stored.transactions,
            stored,
            stored.seal,
            stored.audit,
            self.room.clock,
            cast(Any, reactor),
            PKILimits(),
        )

    def _desk(self) -> Desk:
        people = self.people
        return Desk(
            cast(Any, self.room.store.transactions),
            self.desk,
            self.messages,
            self.tracks.devices,
            people.device_passwords,
            people.removals,
            people.audit,
            OpenSeal(),
            self._withdraw,
            self.room.clock,
        )

    def _withdraw(self, device: Device) -> Deferred[None]:
        self.withdrawn.append(device)
        return succeed(None)

    def _quarantine(self) -> Quarantine:
        transactions: Any = self.room.store.transactions
        people = self.people
        return Quarantine(transactions, self.quarantine, self.intake, people.accounts, people.audit)

    def _kept(self, fact: Fact) -> Kept:
        """What a store would say of a fact of which there was none like it."""
        assert not isinstance(fact, SetAside)
        source = fact.source
        device = source.device or Device(99, source.owner, source.owner_name, source.name)
        return Kept(fact=fact, device=device, new=True)


class Browser:
    """Keeps cookies, sends its Origin along, has no screen."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, **headers: str) -> Reply:
        """GET as a browser asks for a page."""
        return await self.ask("GET", path, {"Accept": "text/html"} | headers)

    async def post(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a form."""
        known = {
            "Accept": "text/html",
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": self.door.origin,
        }
        return await self.ask("POST", path, known | dict(headers or {}), urlencode(fields).encode())

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """One request with the cookies."""
        jar = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        reply = await self.door.ask(
            method, path, (jar if self.cookies else {}) | dict(headers), body
        )
        for line in reply.cookies:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies.pop(name, None)
            if "Max-Age=0" not in line:
                self.cookies[name] = value
        return reply

    async def sign_in(self, name: str = "ana", password: str = GOOD, wanted: str = "/") -> Reply:
        """By the form, as people do."""
        page = await self.get("/login/")
        fields = {"csrf_token": page.token, "username": name, "password": password, "next": wanted}
        return await self.post("/login/", fields)


def basic(name: str = "ana", password: str = GOOD) -> dict[str, str]:
    """The header of HTTP Basic."""
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def made_assets() -> Assets:
    """A front end of a few bytes in a temporary directory."""
    root = Path(mkdtemp(dir="."))
    static, pages = root / "static", root / "templates"
    static.mkdir()
    pages.mkdir()
    for name, text in TEMPLATES.items():
        (pages / name).parent.mkdir(exist_ok=True)
        (pages / name).write_text(text)
    names = {"map.ts": "map-ABCD2345.js", "mark.svg": "mark-0123456789.svg", "base": "base-01"}
    (static / "manifest.json").write_text(msgspec.json.encode(names).decode())
    (static / "map-ABCD2345.js").write_bytes(b"plain script")
    (static / "map-ABCD2345.js.br").write_bytes(b"brotli")
    (static / "map-ABCD2345.js.gz").write_bytes(b"gzipped")
    (static / "mark-0123456789.svg").write_bytes(b"<svg/>")
    (static / "notes.txt").write_bytes(b"not hashed")
    (static / "secret.pem").write_bytes(b"a type that is not served")
    return Assets(static, pages)


class Raw(Protocol):
    """A connection that bytes are written to; remembers all that comes back."""

    def __init__(self) -> None:
        self.received = b""
        self.lost: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        self.lost.callback(self.received)
