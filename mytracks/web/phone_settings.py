"""What must be typed into a phone to reach this server, whoever stands before it.

A page may be looked at through `localhost`, an address of the home or a proxy's name; a phone needs
the one that works from where the phone is.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from attrs import frozen

from mytracks.host.addresses import is_loopback
from mytracks.web.request import Request

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
PUBLISHING: Final = "/pub"
"""Where phones in HTTP mode post."""

Port = Callable[[], int | None]


@frozen(kw_only=True)
class Endpoint:
    """One way in. `port`: None where it is off. `url`: for HTTP mode; None for MQTT and where it is
    off. `elsewhere`: it is not we who listen there, but a proxy in front of us."""

    name: str
    host: str
    port: int | None
    url: str | None = None
    elsewhere: bool = False

    @property
    def on(self) -> bool:
        """Whether a phone can use it now."""
        return self.port is not None


@frozen(kw_only=True)
class Endpoints:
    """All four, as phones must type them. `alone`: `host` is a name that means this machine only,
    for nobody told us another one."""

    host: str
    http: Endpoint
    https: Endpoint
    mqtt: Endpoint
    mqtt_tls: Endpoint
    alone: bool

    @property
    def all(self) -> Sequence[Endpoint]:
        """The safest first."""
        return (self.mqtt_tls, self.mqtt, self.https, self.http)


@frozen(kw_only=True)
class _Place:
    """Where somebody looks at us from, as a phone would have to write it. `port`: as written;
    None: the scheme's own."""

    scheme: str
    host: str
    port: int | None

    def url(self, path: str) -> str:
        return _url(self.scheme, self.host, self.port, path)

    @property
    def number(self) -> int:
        return self.port or _DEFAULT_PORTS[self.scheme]


@frozen(kw_only=True)
class PhoneSettings:
    """Knows where we listen. `public_url`: scheme and host without a path, None: not set. The
    ports: as they are now, None where nothing listens. `own_address`: with which others reach us,
    where we listen there."""

    public_url: Callable[[], str | None]
    http_port: Port
    https_port: Port
    mqtt_port: Port
    mqtt_tls_port: Port
    own_address: Callable[[], str | None]

    def card(self, request: Request) -> dict[str, Any]:
        """The shortest form: what a first phone is told. `mqtt_port`: None where it is off."""
        place = self._place(request)
        return {
            "host": place.host,
            "mqtt_port": self.mqtt_port(),
            "url": place.url(PUBLISHING),
        }

    def endpoints(self, request: Request) -> Endpoints:
        """Every way in, for the page that tells of all."""
        place = self._place(request)
        host = place.host
        return Endpoints(
            host=host,
            http=self._web("HTTP", "http", place, self.http_port()),
            https=self._web("HTTPS", "https", place, self.https_port()),
            mqtt=Endpoint(name="MQTT", host=host, port=self.mqtt_port()),
            mqtt_tls=Endpoint(name="MQTT + TLS", host=host, port=self.mqtt_tls_port()),
            alone=is_loopback(host),
        )

    def _place(self, request: Request) -> _Place:
        scheme, _, place = (self.public_url() or request.absolute("")).partition("://")
        host, port = _split(place)
        if is_loopback(host):
            # Whoever opened the page by the URL in the log: a phone needs another name for us.
            host = self.own_address() or host
        return _Place(scheme=scheme, host=host, port=port)

    def _web(self, name: str, scheme: str, place: _Place, port: int | None) -> Endpoint:
        """By the public URL, or as the page is looked at, where that has this scheme: it is known
        to work. Else by the port where we listen ourselves."""
        url: str | None = None
        if scheme == place.scheme:
            elsewhere, number, url = place.number != port, place.number, place.url(PUBLISHING)
            return Endpoint(name=name, host=place.host, port=number, url=url, elsewhere=elsewhere)
        if port is not None:
            url = _url(scheme, place.host, port, PUBLISHING)
        return Endpoint(name=name, host=place.host, port=port, url=url)


def _split(place: str) -> tuple[str, int | None]:
    """Host, with the brackets of IPv6, and port, if one is written."""
    host, _, port = place.rpartition(":")
    return (host, int(port)) if host and port.isdigit() else (place, None)


def _url(scheme: str, host: str, port: int | None, path: str) -> str:
    written = "" if port is None else f":{port}"
    return f"{scheme}://{host}{written}{path}"
