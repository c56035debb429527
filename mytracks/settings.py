"""Every setting once: name, type, default, bounds, help; flag over environment over file.

What the process as a whole needs stands in `SETTINGS`. The limits of one room are that room's own
frozen `Limits`; here they become a table of the TOML file and `MYTRACKS_<ROOM>__<NAME>`.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import attrs
from attrs import frozen

from mytracks.control.limits import Limits as ControlLimits
from mytracks.people.limits import Limits as PeopleLimits
from mytracks.phones.limits import Limits as PhonesLimits
from mytracks.phones.limits import MQTTLimits
from mytracks.pki.acme.limits import Limits as ACMELimits
from mytracks.pki.limits import Limits as PKILimits
from mytracks.store.care.limits import Limits as BackupLimits
from mytracks.store.limits import Limits as StoreLimits
from mytracks.store.postgresql import address
from mytracks.tracks.limits import Limits as TracksLimits
from mytracks.web.limits import Limits as HTTPLimits

PREFIX: Final = "MYTRACKS_"
DEFAULT_FILE: Final = Path("/etc/mytracks/mytracks.toml")
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
MIB: Final = 1024 * 1024
_UNITS: Final = {
    "": 1,
    "k": 1024,
    "kib": 1024,
    "m": MIB,
    "mib": MIB,
    "g": 1024 * MIB,
    "gib": 1024 * MIB,
}


class BadSetting(Exception):
    """Names the setting, its value and what was expected; shown without a traceback."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(f"setting {name}: {value!r} is not {expected}")


class UnknownSetting(BadSetting):
    """A name that no setting has."""

    def __init__(self, name: str, known: str) -> None:
        Exception.__init__(self, f"setting {name}: there is no such setting; expected {known}")


@frozen
class Setting:
    """One setting of the process: `read` takes text or a TOML value and raises BadSetting."""

    name: str
    default: object
    read: Callable[[str, object], object]
    help: str

    @property
    def key(self) -> str:
        """The name in the file and in `Settings`."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The name in the environment."""
        if self.name == "command-api-key":
            return "COMMAND_API_KEY"
        return PREFIX + self.key.upper()


def read_port(name: str, value: object) -> int:
    """A port to listen on; 0: the system chooses, -1: off."""
    port = _integer(value)
    if port is None or not -1 <= port <= 65535:
        raise BadSetting(name, value, "a port: 1 to 65535, 0 (the system chooses) or -1 (off)")
    return port


def read_text(name: str, value: object) -> str:
    """Any text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise BadSetting(name, value, "a text")
    return value.strip()


def read_path(name: str, value: object) -> Path:
    """A path; `~` is the home directory. Made absolute, since a daemon changes its directory."""
    return Path(os.path.abspath(Path(read_text(name, value)).expanduser()))


def read_database(name: str, value: object) -> str:
    """`sqlite`, or the URL of a PostgreSQL database as libpq reads it."""
    if value == "sqlite":
        return "sqlite"
    try:
        return address.read(str(value).strip())
    except ValueError as error:
        # The text may hold a password: of a URL only its kind is shown, of other text a mere word.
        kind, mark, _ = str(value).partition("://")
        told = kind + mark if kind.isascii() and kind.isalpha() and len(kind) < 16 else ""
        raise BadSetting(name, told + ("…" if mark or not told else ""), str(error)) from None


def _items(value: object) -> list[str] | None:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return cast(list[str], value)
    return None


def read_addresses(name: str, value: object) -> tuple[str, ...]:
    """IP addresses to listen on, separated by commas."""
    expected = "a list of IP addresses, separated by commas"
    items = _items(value)
    if not items:
        raise BadSetting(name, value, expected)
    try:
        return tuple(str(ip_address(item)) for item in items)
    except ValueError:
        raise BadSetting(name, value, expected) from None


def read_networks(name: str, value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks in CIDR notation, separated by commas."""
    expected = "a list of networks such as 10.0.0.0/8, separated by commas"
    items = _items(value)
    if items is None:
        raise BadSetting(name, value, expected)
    try:
        return tuple(ip_network(item) for item in items)
    except ValueError:
        raise BadSetting(name, value, expected) from None


def read_url(name: str, value: object) -> str:
    """An http or https origin without a path; no slash at its end."""
    text = read_text(name, value).rstrip("/")
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise BadSetting(name, value, "a URL such as https://tracks.example.org")
    return text


def _one_of(*choices: str) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        if value not in choices:
            raise BadSetting(name, value, "one of " + ", ".join(choices))
        return value

    return read


SETTINGS: Final = (
    Setting("data-dir", None, read_path, "The only place written to."),
    Setting(
        "database",
        "sqlite",
        read_database,
        "sqlite: a file in the data dir; or postgresql://user:password@host:port/name.",
    ),
    Setting("bind", ("::",), read_addresses, "Addresses to listen on; :: is IPv6 and IPv4."),
    Setting("http-port", 8080, read_port, "Web, REST, sockets, phones' HTTP mode."),
    Setting("https-port", -1, read_port, "The same over TLS, once a certificate is active."),
    Setting("mqtt-port", 1883, read_port, "MQTT over TCP."),
    Setting("mqtt-tls-port", 8883, read_port, "MQTT over TLS, once a certificate is active."),
    Setting(
        "mqtt-client-cert", "optional", _one_of("optional", "required"), "Client certificates."
    ),
    Setting("public-url", None, read_url, "How the world reaches us; used in links."),
    Setting("trusted-proxies", (), read_networks, "Whose X-Forwarded-* headers are believed."),
    Setting("command-api-key", None, read_text, "Shared key for /api/commands/*."),
    Setting("log-level", "info", _one_of(*LEVELS), "The least of what is logged."),
    Setting("log-format", "text", _one_of("text", "json"), "For people or for machines."),
)

SECTIONS: Final[Mapping[str, type[Any]]] = {
    "mqtt": MQTTLimits,
    "http": HTTPLimits,
    "people": PeopleLimits,
    "pki": PKILimits,
    "acme": ACMELimits,
    "store": StoreLimits,
    "backup": BackupLimits,
    "tracks": TracksLimits,
    "phones": PhonesLimits,
    "control": ControlLimits,
}


@frozen(kw_only=True)
class Settings:
    """All settings, read and checked. `config`: the file they came from, if there was one."""

    config: Path | None
    data_dir: Path
    database: str = attrs.field(repr=False)
    bind: tuple[str, ...]
    http_port: int
    https_port: int
    mqtt_port: int
    mqtt_tls_port: int
    mqtt_client_cert: str
    public_url: str | None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    command_api_key: str | None = attrs.field(repr=False)
    log_level: str
    log_format: str
    mqtt: MQTTLimits
    http: HTTPLimits
    people: PeopleLimits
    pki: PKILimits
    acme: ACMELimits
    store: StoreLimits
    backup: BackupLimits
    tracks: TracksLimits
    phones: PhonesLimits
    control: ControlLimits


def load(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """The first that is set wins: flag, environment, file, default. Raises BadSetting.

    `flags`: by name (`http-port`), None where it was not given; `config` among them.
    """
    config, written = _file(flags, environment)
    _refuse_unknown(environment, written)
    values: dict[str, Any] = {"config": config}
    for setting in SETTINGS:
        values[setting.key] = _value(setting, flags, environment, written)
    if values["data_dir"] is None:
        values["data_dir"] = default_data_dir(environment)
    for room, limits in SECTIONS.items():
        values[room] = _section(room, limits, environment, written.get(room, {}))
    return Settings(**values)


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """systemd's state directory, else the user's own data directory."""
    if state := environment.get("STATE_DIRECTORY"):
        return Path(state.split(":")[0])
    home = environment.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
    return Path(home) / "mytracks"


def _value(
    setting: Setting,
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
    written: Mapping[str, object],
) -> object:
    if (flag := flags.get(setting.name)) is not None:
        return setting.read(f"--{setting.name}", flag)
    if setting.variable in environment:
        return setting.read(setting.variable, environment[setting.variable])
    if setting.key in written:
        return setting.read(setting.key, written[setting.key])
    return setting.default


def _file(
    flags: Mapping[str, str | None], environment: Mapping[str, str]
) -> tuple[Path | None, Mapping[str, Any]]:
    named = flags.get("config") or environment.get(PREFIX + "CONFIG")
    if named is None and not DEFAULT_FILE.exists():
        return None, {}
    path = read_path("config", named) if named is not None else DEFAULT_FILE
    try:
        with path.open("rb") as file:
            return path, tomllib.load(file)
    except OSError as error:
        expected = f"a file that can be read ({error.strerror})"
        raise BadSetting("config", str(path), expected) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting("config", str(path), f"a TOML file ({error})") from None


def _refuse_unknown(environment: Mapping[str, str], written: Mapping[str, object]) -> None:
    keys = {setting.key for setting in SETTINGS}
    for name in written:
        if name not in keys and name not in SECTIONS:
            raise UnknownSetting(name, "one of " + ", ".join(sorted(keys | set(SECTIONS))))
    variables = {setting.variable for setting in SETTINGS} | {PREFIX + "CONFIG"}
    for room, limits in SECTIONS.items():
        variables |= {limit_variable(room, field.name) for field in attrs.fields(limits)}
    for name in environment:
        if name.startswith(PREFIX) and name not in variables:
            raise UnknownSetting(name, "a name that the manual lists")


def limit_variable(room: str, name: str) -> str:
    """The limit's name in the environment."""
    return f"{PREFIX}{room.upper()}__{name.upper()}"


def _section(room: str, limits: type[Any], environment: Mapping[str, str], table: object) -> object:
    if not isinstance(table, dict):
        raise BadSetting(room, table, "a table of limits")
    fields = {field.name: field for field in attrs.fields(limits)}
    for name in table:
        if name not in fields:
            known = "one of " + ", ".join(sorted(fields))
            raise UnknownSetting(f"{room}.{name}", known)
    values = {}
    for name, field in fields.items():
        variable = limit_variable(room, name)
        if variable in environment:
            values[name] = _limit(variable, field.default, environment[variable])
        elif name in table:
            values[name] = _limit(f"{room}.{name}", field.default, table[name])
    try:
        return limits(**values)
    except ValueError as error:
        raise BadSetting(room, values, f"a usable table of limits ({error})") from None


def _limit(name: str, default: object, value: object) -> object:
    """A limit is read as its default is: a number, a text, a list of them, or yes and no."""
    if isinstance(default, bool):
        return _boolean(name, value)
    if isinstance(default, str):
        return _text(name, value)
    if isinstance(default, int):
        return _count(name, value)
    if isinstance(default, float):
        return _seconds(name, value)
    items = _items(value)
    if items is None:
        raise BadSetting(name, value, "a list of texts")
    return tuple(items)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadSetting(name, value, "a text")
    return value.strip()


def _boolean(name: str, value: object) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    text = str(value).lower()
    if text not in known:
        raise BadSetting(name, value, "true or false")
    return known[text]


def _count(name: str, value: object) -> int:
    count = _integer(value)
    if count is None and isinstance(value, str):
        digits = value.strip().lower().rstrip("kmgib ")
        unit = value.strip().lower()[len(digits) :].strip()
        whole = _integer(digits)
        count = whole * _UNITS[unit] if whole is not None and unit in _UNITS else None
    if count is None or count < 0:
        raise BadSetting(name, value, "a whole number, 0 or more (bytes may be written 8MiB)")
    return count


def _seconds(name: str, value: object) -> float:
    try:
        seconds = float(cast(str, value))
    except (TypeError, ValueError):
        seconds = -1.0
    if isinstance(value, bool) or not 0 <= seconds < float("inf"):
        raise BadSetting(name, value, "a number of seconds")
    return seconds


def _integer(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None
