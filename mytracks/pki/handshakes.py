"""What came of TLS handshakes that failed, in words that help whoever has the phone in hand.

Kept in memory, for administrators: the newest of each kind, and how often it came. Decides nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen
from OpenSSL import SSL
from twisted.logger import Logger

from mytracks.clock import Clock, Seldom, again

KEPT: Final = 200
"""Kinds of failures that are remembered; the one that came last longest ago goes."""

LEFT_SILENT: Final = "it closed the connection right after the handshake, without a word"
TIMED_OUT: Final = "it did not finish the handshake in time"
CUT_SHORT: Final = "it closed the connection in the middle of the handshake"

_TRUST: Final = "The phone does not trust our CA: install the CA certificate on it."
_NAME: Final = (
    "Where the CA is installed, the phone may connect by a name or an address that our"
    " certificate is not for."
)

_FAULTS: Final[Mapping[int, str]] = {
    2: "its issuer is none that we trust",
    3: "there is no revocation list of its issuer",
    7: "its signature is wrong",
    8: "the signature of its issuer's revocation list is wrong",
    9: "it is not valid yet",
    10: "it has expired",
    11: "its issuer's revocation list is not valid yet",
    12: "its issuer's revocation list is out of date",
    18: "it is signed by itself",
    19: "its issuer is none that we trust",
    20: "its issuer is none that we trust",
    21: "its issuer is none that we trust",
    22: "its chain is too long",
    23: "it is revoked",
    24: "it was issued by a certificate that may not issue any",
    25: "its chain is longer than its issuer allows",
    26: "it is not for clients",
    32: "it was issued by a certificate that may not issue any",
    34: "it has a critical extension that nobody knows",
    66: "its key is too weak",
    67: "its issuer's key is too weak",
    68: "it is signed with a method that is too weak",
    79: "it was issued by a certificate that may not issue any",
}
"""What OpenSSL finds wrong with a client's certificate."""

_ALERTS: Final[Mapping[str, tuple[str, str]]] = {
    "unknown ca": ("it says that it does not know our CA", _TRUST),
    "certificate unknown": ("it says that it does not accept our certificate", f"{_TRUST} {_NAME}"),
    "bad certificate": ("it says that our certificate is bad", f"{_TRUST} {_NAME}"),
    "unsupported certificate": ("it says that it cannot use our certificate", ""),
    "certificate expired": (
        "it says that our certificate has expired",
        "Look at the phone's clock, and at the server certificate.",
    ),
    "certificate revoked": ("it says that our certificate is revoked", ""),
    "protocol version": ("it speaks no TLS version that we do (1.2 and 1.3)", ""),
    "handshake failure": ("it found nothing that both sides can do", ""),
    "user canceled": ("it says that its user broke off", ""),
    "close notify": (CUT_SHORT, ""),
}
"""What a peer says in its alert: the reason, and what to do about it."""

_OURS: Final[Mapping[str, tuple[str, str]]] = {
    "peer did not return a certificate": (
        "it showed no certificate, and one is required",
        "Install its client certificate, and choose it in the settings of the connection.",
    ),
    "no shared cipher": ("it knows no cipher that we do", ""),
    "unsupported protocol": ("it speaks no TLS version that we do (1.2 and 1.3)", ""),
    "version too low": ("it speaks no TLS version that we do (1.2 and 1.3)", ""),
    "no suitable key share": ("it knows no key exchange that we do", ""),
    "no suitable signature algorithm": ("it takes no signature that our certificate can make", ""),
    "wrong version number": ("it does not speak TLS", "This port wants TLS: turn it on there."),
    "http request": ("it speaks HTTP without TLS", "This port wants TLS."),
    "packet length too long": (
        "it does not speak TLS",
        "This port wants TLS: turn it on there.",
    ),
    "record layer failure": ("it does not speak TLS", "This port wants TLS: turn it on there."),
    "excessive message size": ("it sends too much of certificates", ""),
}
"""What our side of OpenSSL breaks off for."""


@frozen(kw_only=True)
class Diagnosis:
    """One kind of failure, and when it came last. `at`: UTC seconds; `times`: how often it came.
    `asked`: the server name that the peer asked for (SNI), beside `ours`, which our certificate is
    for. `advice`: what to do about it, if we know."""

    at: float
    address: str
    port: int
    listener: str
    asked: str | None
    ours: tuple[str, ...]
    reason: str
    advice: str = ""
    times: int = 1


class Diagnoses:
    """The failures of all listeners."""

    log = Logger()

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seldom = Seldom(clock)
        self._kept: dict[tuple[str, str, str], Diagnosis] = {}
        self.failed = 0
        """Handshakes that failed, in all."""

    def note(
        self,
        *,
        address: str,
        port: int,
        listener: str,
        asked: str | None,
        ours: Sequence[str],
        reason: str,
        advice: str = "",
    ) -> None:
        """One more. One that comes again and again is told in the log once, then at most once an
        hour."""
        self.failed += 1
        key = (address, listener, reason)
        before = self._kept.pop(key, None)
        self._kept[key] = Diagnosis(
            at=self._clock.now(),
            address=address,
            port=port,
            listener=listener,
            asked=asked,
            ours=tuple(ours),
            reason=reason,
            advice=advice,
            times=1 if before is None else before.times + 1,
        )
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        came = self._seldom.times(key)
        if came:
            self.log.info(
                "TLS with {address} at {listener} failed: {reason}{advice}{again}",
                address=address,
                listener=listener,
                reason=reason,
                advice=f". {advice}" if advice else "",
                again=again(came),
                asked=asked,
            )

    def latest(self) -> Sequence[Diagnosis]:
        """All that is remembered, newest first."""
        return list(reversed(self._kept.values()))


def certificate_fault(code: int, depth: int) -> str:
    """What is wrong with a client's certificate, by OpenSSL's number for it. `depth`: 0 is its own,
    above are those that vouch for it."""
    what = _FAULTS.get(code, f"OpenSSL does not accept it ({code})")
    return what if depth == 0 else f"{what} (a certificate above it)"


def explain(error: BaseException | None, fault: str) -> tuple[str, str]:
    """Why a handshake broke off, and what to do about it. `fault`: of the certificate that was
    shown, if it was that."""
    if fault:
        return f"its certificate was refused: {fault}", ""
    said = _reasons(error)
    for text in said:
        _, alert, name = text.partition("alert ")
        if alert and name in _ALERTS:
            return _ALERTS[name]
        if alert:
            return f"it broke off and says: {name}", ""
    for text in said:
        if text in _OURS:
            return _OURS[text]
    if said:
        return f"OpenSSL says: {said[-1]}", ""
    return CUT_SHORT, ""


def left_silent(asked: str | None, ours: Sequence[str]) -> tuple[str, str]:
    """Why somebody closes right after a handshake that went well: our certificate is disliked."""
    if asked is not None and asked not in ours:
        shown = ", ".join(ours)
        return LEFT_SILENT, f"It asked for {asked}, and our certificate is for {shown}. {_TRUST}"
    return LEFT_SILENT, f"{_TRUST} {_NAME}"


def _reasons(error: BaseException | None) -> Sequence[str]:
    """The texts in OpenSSL's list of errors."""
    if not isinstance(error, SSL.Error) or not error.args or not isinstance(error.args[0], list):
        return ()
    return [str(entry[-1]) for entry in error.args[0]]
