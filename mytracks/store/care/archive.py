"""A backup file: a tar with what is in it told first, then the database, then the key ring.

The database in it is a SQLite file whatever it came from, so that every backup can be restored into
either database, and looked at with ordinary tools.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from attrs import asdict, field, frozen

from mytracks.clock import iso
from mytracks.store.files import StoreRefused

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DATABASE: Final = "mytracks.sqlite3"
KEYRING: Final = "keyring"
WITHOUT_KEYS: Final = (
    "second factors of sign-in (TOTP)",
    "payload encryption keys of devices",
    "private keys of certificates",
)
"""What is sealed in the database, and stays so without the key ring."""

_CHUNK: Final = 1024 * 1024
_MANIFEST_BYTES: Final = 1024 * 1024

Progress = Callable[[str, int, int], object]
"""What is under way, how much of it is done, and how much there is to do; any unit."""


def _texts(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(words)


@frozen(kw_only=True)
class Manifest:
    """What a backup holds. `made`: ISO 8601, UTC. `keys`: `included`, `left out` or `none`: the
    server had no key ring. `locked`: what cannot be used when this is restored by itself.
    """

    format: int
    made: str
    mytracks: str
    revision: str
    database: str
    counts: Mapping[str, int]
    sha256: Mapping[str, str]
    keys: str
    locked: Sequence[str] = field(converter=_texts)


@frozen
class Member:
    """A file that goes into a backup under `name`."""

    name: str
    path: Path


def described(
    members: Sequence[Member],
    *,
    now: int,
    version: str,
    revision: str,
    database: str,
    counts: Mapping[str, int],
    keys: str,
) -> Manifest:
    """The manifest of `members`. `now`: UTC seconds."""
    return Manifest(
        format=FORMAT,
        made=iso(now),
        mytracks=version,
        revision=revision,
        database=database,
        counts=counts,
        sha256={member.name: _sha256(member.path) for member in members},
        keys=keys,
        locked=WITHOUT_KEYS if keys == "left out" else (),
    )


def write(
    file: IO[bytes], manifest: Manifest, members: Sequence[Member], progress: Progress
) -> None:
    """Write a backup to the empty `file`; not yet synced. Raises OSError."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        text = (json.dumps(asdict(manifest), indent=2) + "\n").encode()
        tar.addfile(_info(MANIFEST, len(text)), io.BytesIO(text))
        for member in members:
            size = member.path.stat().st_size
            with open(member.path, "rb") as content:
                tar.addfile(_info(member.name, size), _Watched(content, size, progress))


class Archive:
    """A backup file, opened to be restored. Raises StoreRefused when it is none, or not whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._tar = tarfile.open(path, mode="r:")  # noqa: SIM115 - closed by `close`
            self.manifest = self._manifest()
        except (tarfile.TarError, EOFError, ValueError, TypeError, KeyError) as error:
            raise StoreRefused(f"{path} is not a backup of mytracks, or is damaged") from error
        if self.manifest.format > FORMAT:
            self.close()
            raise StoreRefused(
                f"{path} was made by a newer mytracks ({self.manifest.mytracks}): install that"
            )

    def close(self) -> None:
        """Let go of the file."""
        self._tar.close()

    def extract(self, name: str, target: Path, progress: Progress) -> None:
        """Write member `name` to the new file `target` (0600), and check it on the way.

        Raises StoreRefused when it is not what was stored, OSError when it cannot be written.
        """
        digest, done = hashlib.sha256(), 0
        try:
            info = self._tar.getmember(name)
            content = self._tar.extractfile(info)
        except (tarfile.TarError, EOFError, KeyError) as error:
            raise self._torn(name) from error
        if content is None:
            raise self._torn(name)
        descriptor = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            while chunk := self._read(content, name):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                progress("reading the backup", done, info.size)
        if digest.hexdigest() != self.manifest.sha256.get(name):
            raise self._torn(name)

    def _read(self, content: IO[bytes], name: str) -> bytes:
        try:
            return content.read(_CHUNK)
        except (tarfile.TarError, EOFError) as error:
            raise self._torn(name) from error

    def _torn(self, name: str) -> StoreRefused:
        return StoreRefused(f"{self.path} is damaged: {name} in it is not whole")

    def _manifest(self) -> Manifest:
        first = self._tar.next()
        if first is None or first.name != MANIFEST or first.size > _MANIFEST_BYTES:
            raise ValueError("no manifest")
        content = self._tar.extractfile(first)
        if content is None:
            raise ValueError("no manifest")
        told: dict[str, Any] = json.loads(content.read())
        if not isinstance(told, dict) or not isinstance(told.get("format"), int):
            raise ValueError("no manifest")
        return Manifest(**{name: told[name] for name in Manifest.__annotations__})


class _Watched(io.RawIOBase):
    """A file that tells how far it was read."""

    def __init__(self, file: IO[bytes], size: int, progress: Progress) -> None:
        self._file, self._size, self._progress = file, size, progress

    def read(self, size: int = -1, /) -> bytes:
        """As of any file."""
        self._progress("writing the backup", self._file.tell(), self._size)
        return self._file.read(size)


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
