"""The key ring: what every secret in the database is sealed with, in a file of its own.

A database file, or a backup of it, opens nothing by itself: second factors, payload keys of
devices and private keys of certificates are stored sealed (AES-256-GCM). A record is

    "mtk1" | key id, 8 bytes | nonce, 12 bytes | ciphertext with its tag

and names its place ("table/row/purpose") as associated data: nobody who can write to the database
can move a secret to another row unnoticed. The file holds all keys by their ids and says which one
seals; it is written before anything is sealed with a new key, whole or not at all, and can be read
by its owner only. Where it went missing while sealed records exist, no new one is ever made.
"""

import base64
import errno
import json
import os
import secrets
import stat
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from argon2.low_level import Type, hash_secret_raw
from attrs import frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mytracks.errors import Unavailable

FILE: Final = "keyring"
"""Its name in the data directory."""
MAGIC: Final = b"mtk1"
_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_HEADER_BYTES: Final = len(MAGIC) + _ID_BYTES + _NONCE_BYTES
_MAX_FILE_BYTES: Final = 256 * 1024
_FORMAT: Final = 1
_EXPORT_PLACE: Final = b"mytracks key ring"
_PASSES: Final = 3
_MEMORY_KIB: Final = 64 * 1024
_MOST_PASSES: Final = 16
_MOST_MEMORY_KIB: Final = 1024 * 1024
_LEAST_SALT: Final = 16
"""What somebody else's file may ask of us before its passphrase is even looked at."""
_BACK: Final = (
    "back (mytracks key import FILE, or from a backup), or give up what it opens "
    "(mytracks key forget)"
)


class KeyRingRefused(Exception):
    """The key ring cannot be used; the text is one line for whoever started us."""


class Unsealable(Unavailable):
    """A sealed record that we cannot open: damaged, moved, or its key is not in the ring."""


@frozen
class Keys:
    """All keys by id, and the id of the one that seals; None: there is no key yet."""

    by_id: Mapping[bytes, bytes]
    current: bytes | None

    def __repr__(self) -> str:
        return f"Keys({len(self.by_id)})"


class KeyRing:
    """Seals and unseals, in any thread. The first key is made, and the file with it, when something
    is sealed for the first time; a change is in the file before it is used."""

    def __init__(self, path: Path, keys: Keys) -> None:
        self._path = path
        self._keys = keys
        self._changing = threading.Lock()

    @property
    def current(self) -> bytes | None:
        """The id of the key that seals; None before the first use."""
        return self._keys.current

    @property
    def ids(self) -> Sequence[bytes]:
        """The ids of all keys, oldest first."""
        return list(self._keys.by_id)

    def seal(self, place: str, plain: bytes) -> bytes:
        """`plain`, readable only at `place` ("table/row/purpose") and with this ring.

        Raises Unavailable when the first key cannot be written.
        """
        key_id = self._keys.current or self._first_key()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = AESGCM(self._keys.by_id[key_id]).encrypt(nonce, plain, place.encode())
        return MAGIC + key_id + nonce + body

    def unseal(self, place: str, sealed: bytes) -> bytes:
        """What was sealed for `place`. Raises Unsealable."""
        key = self._keys.by_id.get(key_of(sealed))
        if key is None:
            raise Unsealable("A secret was sealed with a key that is not in the key ring.")
        nonce = sealed[len(MAGIC) + _ID_BYTES : _HEADER_BYTES]
        try:
            return AESGCM(key).decrypt(nonce, sealed[_HEADER_BYTES:], place.encode())
        except InvalidTag:
            raise Unsealable("A sealed secret was damaged or moved.") from None

    def check_opens(self, named: Collection[bytes]) -> None:
        """Whether all keys are here whose ids some record names. Another server's ring, or an old
        copy of ours, opens nothing, and what is sealed with it is lost when the right one comes
        back. Raises KeyRingRefused."""
        if not self._keys.by_id.keys() >= set(named):
            raise KeyRingRefused(
                f"the key ring {self._path} is not the one that secrets in the database are sealed "
                f"with: move it away and bring the right one {_BACK}"
            )

    # --- rotation: add a key, seal every record anew, drop what no record names ---

    def add_key(self) -> bytes:
        """A new key, which seals from now on; its id. The others go on opening what they sealed.

        Raises Unavailable when the file cannot be written: then nothing has changed.
        """
        with self._changing:
            return self._added()

    def outdated(self, sealed: bytes) -> bool:
        """Whether a record is sealed with another key than the one that seals now."""
        return key_of(sealed) != self._keys.current

    def reseal(self, place: str, sealed: bytes) -> bytes:
        """The same secret under the key that seals now. Raises Unsealable, Unavailable."""
        return self.seal(place, self.unseal(place, sealed))

    def drop(self, *, still_named: Collection[bytes]) -> Sequence[bytes]:
        """Forget all keys but the one that seals and those whose ids some record still names; the
        ids that went. Raises Unavailable when the file cannot be written: then none went."""
        with self._changing:
            kept = {*still_named, self._keys.current}
            gone = [key_id for key_id in self._keys.by_id if key_id not in kept]
            if gone:
                by_id = {i: key for i, key in self._keys.by_id.items() if i in kept}
                self._replace(Keys(by_id, self._keys.current), first=False)
            return gone

    def exported(self, passphrase: str | None = None) -> bytes:
        """All keys, for a file that is kept apart from the backups; None: not locked, so that
        nobody has to remember anything for years."""
        if passphrase is None:
            return _written(self._keys)
        salt, nonce = secrets.token_bytes(_LEAST_SALT), secrets.token_bytes(_NONCE_BYTES)
        key = _stretched(passphrase, salt, _PASSES, _MEMORY_KIB)
        document = {
            "format": _FORMAT,
            "kdf": {"name": "argon2id", "passes": _PASSES, "memory_kib": _MEMORY_KIB},
            "salt": _text(salt),
            "nonce": _text(nonce),
            "locked": _text(AESGCM(key).encrypt(nonce, _written(self._keys), _EXPORT_PLACE)),
        }
        return json.dumps(document, indent=1).encode() + b"\n"

    def _first_key(self) -> bytes:
        """Two who seal for the first time at the same moment must not make a file each."""
        with self._changing:
            return self._keys.current or self._added()

    def _added(self) -> bytes:
        key_id = secrets.token_bytes(_ID_BYTES)
        by_id = {**self._keys.by_id, key_id: AESGCM.generate_key(8 * _KEY_BYTES)}
        self._replace(Keys(by_id, key_id), first=self._keys.current is None)
        return key_id

    def _replace(self, keys: Keys, *, first: bool) -> None:
        try:
            if first and os.path.lexists(self._path):
                raise FileExistsError(errno.EEXIST, "it has appeared meanwhile; start again")
            write_private(self._path, _written(keys))
        except OSError as error:
            raise Unavailable(f"The key ring cannot be written: {error.strerror}.") from error
        self._keys = keys


def open_keyring(path: Path, *, sealed_exists: bool) -> KeyRing:
    """The key ring in the file `path`. One that is missing is made with its first use, but never
    where `sealed_exists`: what is sealed could not be opened with it. Raises KeyRingRefused."""
    content = _read(path)
    if content is None and sealed_exists:
        raise KeyRingRefused(
            f"the key ring {path} is missing, and secrets in the database are sealed with it: "
            f"bring it {_BACK}"
        )
    if content is None:
        return KeyRing(path, Keys({}, None))
    try:
        return KeyRing(path, _parsed(content))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyRingRefused(f"the key ring {path} is damaged: bring it back whole") from None


def is_locked(content: bytes) -> bool:
    """Whether it takes a passphrase to import this."""
    try:
        return "locked" in json.loads(content)
    except (ValueError, TypeError):
        return False


def imported(path: Path, content: bytes, passphrase: str | None = None) -> KeyRing:
    """Write an exported key ring to `path`, where none may be. `passphrase`: of one that is locked.
    Raises KeyRingRefused."""
    try:
        if is_locked(content):
            keys = _unlocked(json.loads(content), passphrase or "")
        else:
            keys = _parsed(content)
    except InvalidTag:
        raise KeyRingRefused("this is not the passphrase of the exported key ring") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyRingRefused("this is not an exported key ring, or it is damaged") from None
    if os.path.lexists(path):
        raise KeyRingRefused(f"there is a key ring {path} already; it is not overwritten")
    try:
        write_private(path, _written(keys))
    except OSError as error:
        raise KeyRingRefused(f"{path} cannot be written: {error.strerror}") from error
    return KeyRing(path, keys)


def key_of(sealed: bytes) -> bytes:
    """The id of the key that a record names. Raises Unsealable when it is no record of ours."""
    if not sealed.startswith(MAGIC) or len(sealed) < _HEADER_BYTES:
        raise Unsealable("A sealed secret was damaged.")
    return sealed[len(MAGIC) : len(MAGIC) + _ID_BYTES]


def write_private(path: Path, content: bytes) -> None:
    """Put a file that only its owner can read in the place of `path` in one step, durably. Raises
    OSError; then the old one is untouched."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(part, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> bytes | None:
    """What the file holds; None: there is none. What is checked is what is read."""
    try:
        # Without O_NONBLOCK a pipe of that name would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise KeyRingRefused(f"the key ring {path} must not be a symbolic link") from None
        raise KeyRingRefused(f"the key ring {path} cannot be read: {error.strerror}") from None
    try:
        _check_file(path, os.fstat(descriptor))
        return _whole(descriptor)
    finally:
        os.close(descriptor)


def _check_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyRingRefused(f"the key ring {path} is not a file")
    if status.st_uid != os.geteuid():
        raise KeyRingRefused(f"the key ring {path} belongs to somebody else")
    if status.st_mode & 0o077:
        raise KeyRingRefused(f"others may read the key ring {path}: chmod 600 it")


def _whole(descriptor: int) -> bytes:
    content = b""
    while len(content) < _MAX_FILE_BYTES and (part := os.read(descriptor, _MAX_FILE_BYTES)):
        content += part
    return content


def _written(keys: Keys) -> bytes:
    assert keys.current is not None, "an empty key ring is not written"
    document = {
        "format": _FORMAT,
        "current": keys.current.hex(),
        "keys": {key_id.hex(): _text(key) for key_id, key in keys.by_id.items()},
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def _parsed(content: bytes) -> Keys:
    """Raises ValueError, KeyError, TypeError or AttributeError when it is not a key ring."""
    document = json.loads(content)
    if document["format"] != _FORMAT:
        raise ValueError("another format")
    by_id = {bytes.fromhex(i): _bytes(key) for i, key in document["keys"].items()}
    current = bytes.fromhex(document["current"])
    sizes = {(len(key_id), len(key)) for key_id, key in by_id.items()}
    if sizes != {(_ID_BYTES, _KEY_BYTES)} or current not in by_id:
        raise ValueError("keys are missing or cut")
    return Keys(by_id, current)


def _unlocked(document: Any, passphrase: str) -> Keys:
    """Raises InvalidTag for another passphrase, and as `_parsed` does."""
    kdf = document["kdf"]
    passes, memory = int(kdf["passes"]), int(kdf["memory_kib"])
    known = document["format"] == _FORMAT and kdf["name"] == "argon2id"
    if not known or not 1 <= passes <= _MOST_PASSES or not 8 <= memory <= _MOST_MEMORY_KIB:
        raise ValueError("stretched in a way that we do not follow")
    salt = _bytes(document["salt"])
    if len(salt) < _LEAST_SALT:
        raise ValueError("no salt")
    key = _stretched(passphrase, salt, passes, memory)
    locked = _bytes(document["locked"])
    return _parsed(AESGCM(key).decrypt(_bytes(document["nonce"]), locked, _EXPORT_PLACE))


def _stretched(passphrase: str, salt: bytes, passes: int, memory_kib: int) -> bytes:
    return hash_secret_raw(passphrase.encode(), salt, passes, memory_kib, 1, _KEY_BYTES, Type.ID)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
