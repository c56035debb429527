"""What the `mytracks` command can have done to certificates: made, brought, listed, revoked.

Private keys leave only in a client's bundle, locked with a password that is told once.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mytracks.control.taking import Strict, Work, taking
from mytracks.errors import Invalid, NotFound
from mytracks.people.build import People
from mytracks.pki import bundles
from mytracks.pki.build import PKI
from mytracks.pki.bundles import Format
from mytracks.pki.ports import (
    Authority,
    Certified,
    KeyKind,
    Leaf,
    Reason,
    ServerCertificate,
    ServerState,
)
from mytracks.sharing.identity import COMMAND_LINE

KEYS: Final[Mapping[str, KeyKind]] = {
    "rsa2048": KeyKind.RSA_2048,
    "rsa3072": KeyKind.RSA_3072,
    "rsa4096": KeyKind.RSA_4096,
    "p256": KeyKind.P256,
}
REASONS: Final[Mapping[str, Reason]] = {
    each.name.lower().replace("_", "-"): each for each in Reason
}


class Nothing(Strict):
    """An operation without arguments."""


class NewAuthority(Strict):
    """What is None is as the settings say."""

    common_name: str | None = None
    days: int | None = None
    key: str | None = None


class Brought(Strict):
    """An authority made elsewhere, as its files are; `password`: of its key."""

    certificate: str
    key: str
    password: str | None = None


class NewServer(Strict):
    """`names` None or empty: what this machine is called. `common_name` None: the first name."""

    names: list[str] | None = None
    common_name: str | None = None
    days: int | None = None
    key: str | None = None


class NewClient(Strict):
    """`password` None: one is made and told once."""

    user: str
    days: int | None = None
    grace_days: int = 0
    key: str | None = None
    format: str = Format.P12.value
    password: str | None = None


class Serial(Strict):
    """A certificate of any kind, by its serial in hexadecimal digits."""

    serial: str
    reason: str | None = None


def table(pki: PKI, people: People, public_host: str | None) -> Mapping[str, Work]:
    """The operations, by name. `public_host`: how the world knows this server, if it does."""
    operations = _Operations(pki, people, public_host)
    return {
        "pki.init": taking(NewAuthority, operations.init),
        "pki.import": taking(Brought, operations.bring),
        "pki.server": taking(NewServer, operations.server),
        "pki.client": taking(NewClient, operations.client),
        "pki.revoke": taking(Serial, operations.revoke),
        "pki.list": taking(Nothing, operations.list),
    }


class _Operations:
    def __init__(self, pki: PKI, people: People, public_host: str | None) -> None:
        self._pki = pki
        self._people = people
        self._public_host = public_host

    async def init(self, asked: NewAuthority) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if asked.common_name is not None:
            given["common_name"] = asked.common_name
        if asked.key is not None:
            given["key"] = _key(asked.key)
        made = await self._pki.authorities.create(days=asked.days, by=COMMAND_LINE, **given)
        return self._authority(made)

    async def bring(self, asked: Brought) -> dict[str, Any]:
        authorities = self._pki.authorities
        brought = await authorities.bring(
            asked.certificate.encode(), asked.key.encode(), asked.password, by=COMMAND_LINE
        )
        return self._authority(brought)

    async def server(self, asked: NewServer) -> dict[str, Any]:
        servers = self._pki.servers
        names = asked.names or await servers.suggested_names(self._public_host)
        common_name = asked.common_name or names[0]
        key = KeyKind.P256 if asked.key is None else _key(asked.key)
        made = await servers.issue(common_name, names, asked.days, key, by=COMMAND_LINE)
        return _server(made)

    async def client(self, asked: NewClient) -> dict[str, Any]:
        form = _choice("format", asked.format, {each.value: each for each in Format})
        key = KeyKind.RSA_2048 if asked.key is None else _key(asked.key)
        account = self._people.accounts.named(asked.user)
        password = asked.password or bundles.passphrase()
        # Before the certificate of before is revoked for one that nobody gets.
        bundles.check_password(password)
        clients = self._pki.clients
        leaf = await clients.issue(
            account.number,
            account.name,
            asked.days,
            key,
            by=COMMAND_LINE,
            grace_days=asked.grace_days,
        )
        bundle = await clients.bundle(leaf.number, password, form, by=COMMAND_LINE)
        told = self._client(leaf) | {"bundle": base64.b64encode(bundle).decode()}
        return told if asked.password else told | {"password": password}

    async def revoke(self, asked: Serial) -> dict[str, Any]:
        """Of a client: it lets nobody in any more. Of a server: it is shown no more. Of an
        authority: nothing that it signed is good any more."""
        serial = _serial(asked.serial)
        reason = _choice("reason", asked.reason or "unspecified", REASONS)
        pki = self._pki
        for server in pki.servers.all():
            if server.serial == serial and server.state is ServerState.ACTIVE:
                return _server(await pki.servers.deactivate(server.number, by=COMMAND_LINE))
        for each in pki.authorities.all():
            if each.serial == serial:
                ended = await pki.authorities.deactivate(each.number, by=COMMAND_LINE)
                return self._authority(ended)
        leaf = pki.clients.with_serial(serial)
        return self._client(await pki.clients.revoke(leaf.number, reason, by=COMMAND_LINE))

    async def list(self, _: Nothing) -> dict[str, Any]:
        pki = self._pki
        return {
            "authorities": [self._authority(each) for each in pki.authorities.all()],
            "servers": [_server(each) for each in pki.servers.all()],
            "clients": [self._client(each) for each in pki.clients.all()],
            "crl_number": pki.lists.number(),
            "problems": pki.problems(),
        }

    def _authority(self, each: Authority) -> dict[str, Any]:
        lacks: Sequence[str] = self._pki.authorities.lacks(each.number)
        state = each.state.name.lower()
        return {"kind": "ca", **_certified(each), "state": state, "lacks": list(lacks)}

    def _client(self, leaf: Leaf) -> dict[str, Any]:
        account = None if leaf.user is None else self._people.accounts.numbered(leaf.user)
        why_not = self._pki.clients.why_not(leaf)
        return {
            "kind": "client",
            **_certified(leaf),
            "user": None if account is None else account.name,
            "state": "active" if why_not is None else why_not,
        }


def _server(each: ServerCertificate) -> dict[str, Any]:
    return {
        "kind": "server",
        **_certified(each),
        "names": list(each.names),
        "use": each.use.name.lower(),
        "source": each.source.name.lower(),
        "state": each.state.name.lower(),
    }


def _certified(each: Certified) -> dict[str, Any]:
    """What is told of any certificate: never its key."""
    return {
        "id": each.number,
        "serial": f"{each.serial:x}",
        "fingerprint": each.fingerprint.hex(),
        "subject": each.subject,
        "key": f"{each.key_type} {each.key_size}",
        "not_before": each.not_before,
        "not_after": each.not_after,
    }


def _key(name: str) -> KeyKind:
    kind: KeyKind = _choice("key", name, KEYS)
    return kind


def _choice(field: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        told = f"is one of {', '.join(known)}"
        raise Invalid(f"This cannot be: the {field} {told}.", {field: [told]})
    return known[name]


def _serial(written: str) -> int:
    try:
        return int(written.replace(":", ""), 16)
    except ValueError:
        raise NotFound("There is no such certificate: a serial is hexadecimal.") from None
