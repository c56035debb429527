"""An authenticator in software: makes passkeys and signs with them, as a phone does, or wrongly."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Authenticator:
    """One passkey, of one site. `count`: how often it has signed; None: it does not tell.
    `flags`: what it says of its owner."""

    def __init__(self, origin: str, name: str, count: int | None = 0) -> None:
        self.origin = origin
        self.name = name
        self.count = count
        self.flags = PRESENT | VERIFIED
        self.identifier = secrets.token_bytes(16)
        self.handle = b""
        self._key = ec.generate_private_key(ec.SECP256R1())

    def make(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to options of registration."""
        self.handle = unpadded(options["user"]["id"])
        numbers = self._key.public_key().public_numbers()
        public = {
            1: 2,
            3: -7,
            -1: 1,
            -2: numbers.x.to_bytes(32, "big"),
            -3: numbers.y.to_bytes(32, "big"),
        }
        attested = bytes(16) + len(self.identifier).to_bytes(2, "big") + self.identifier
        data = self._data(self.flags | ATTESTED) + attested + cbor2.dumps(public)
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options)
        return self._answer(
            clientDataJSON=text(client), attestationObject=text(statement), transports=["internal"]
        )

    def sign(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to options of sign-in."""
        if self.count is not None:
            self.count += 1
        data, client = self._data(self.flags), self._client("webauthn.get", options)
        signed = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            clientDataJSON=text(client),
            authenticatorData=text(data),
            signature=text(signed),
            userHandle=text(self.handle),
        )

    def _data(self, flags: int) -> bytes:
        site = hashlib.sha256(self.name.encode()).digest()
        return site + bytes([flags]) + (self.count or 0).to_bytes(4, "big")

    def _client(self, kind: str, options: Mapping[str, Any]) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(told | {"crossOrigin": False}).encode()

    def _answer(self, **response: Any) -> dict[str, Any]:
        identifier = text(self.identifier)
        return {
            "id": identifier,
            "rawId": identifier,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        }


def text(data: bytes) -> str:
    """As browsers write bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unpadded(written: str) -> bytes:
    """The bytes that are written so."""
    return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))
