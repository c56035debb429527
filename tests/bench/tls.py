"""What TLS costs: handshakes by the server's key, memory at rest, a message, a revocation, and the
replacement of what a listener believes."""

import ssl
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.bench.accounting import cpu_seconds, resident_kib, say
from tests.bench.certified import KEYS, Certified, Ours, mosquitto, shake
from tests.bench.servers import PASSWORD, USER
from tests.pki import lab
from tests.pki.lab import Lab
from tests.whole.phone import Closed, Phone

HANDSHAKES: Final = 400
IDLE: Final = 500
MESSAGES: Final = 3_000
REVOKED: Final = 10_000
PATIENCE: Final = 3.0
"""Seconds in which a connection that is to be cut is waited for."""


def tls(runs: int) -> None:
    """All parts."""
    for key in KEYS:
        with brokers(key) as every:
            handshakes(key, every)
            if key == "p256":
                idle(every)
                messages(every)
                revocations(every, runs)
    replacement(runs)


@contextmanager
def brokers(key: str) -> Iterator[list[Certified]]:
    """Ours, and mosquitto where it is installed; `key`: of the server's certificate."""
    ours, other = Ours(key), mosquitto(key)
    try:
        yield [ours, other] if other is not None else [ours]
    finally:
        ours.close()
        if other is not None:
            other.close()


def handshakes(key: str, every: list[Certified]) -> None:
    """From the TCP connection to the CONNACK, one after the other, with a client certificate."""
    say(f"\nHandshakes with CONNECT, TLS 1.3, server key {key}, {HANDSHAKES} one by one")
    for broker in every:
        before, begin = cpu_seconds(broker.pid), time.monotonic()
        for number in range(HANDSHAKES):
            phone = entered(broker, f"shake{number}")
            phone.close()
        spent = time.monotonic() - begin
        cpu = (cpu_seconds(broker.pid) - before) / HANDSHAKES * 1e3
        say(f"  {broker.name:10} {HANDSHAKES / spent:6.0f}/s  {cpu:5.2f} ms CPU each")


def idle(every: list[Certified]) -> None:
    """Memory of connections that say nothing."""
    say(f"\nIdle: {IDLE} TLS connections with a client certificate")
    for broker in every:
        before = resident_kib(broker.pid)
        phones = [entered(broker, f"idle{number}") for number in range(IDLE)]
        each = (resident_kib(broker.pid) - before) / IDLE
        for phone in phones:
            phone.close()
        bar = " (bar 50)" if broker.name == Ours.name else ""
        say(f"  {broker.name:10} {each:6.1f} KiB each{bar}")


def messages(every: list[Certified]) -> None:
    """CPU of a QoS 1 message to nobody, one under way, by TLS and by TCP."""
    say(f"\nA message: QoS 1, one under way, {MESSAGES} each; nothing of it is stored")
    for broker in every:
        secure = _each(broker.pid, entered(broker, "secure"))
        line = f"  {broker.name:10} TLS {secure:6.1f} us CPU"
        if isinstance(broker, Ours):
            phone = Phone(broker.daemon.mqtt)
            assert phone.connect("plain", USER, PASSWORD) == 0
            plain = _each(broker.pid, phone)
            line += f", TCP {plain:6.1f} us: {secure / plain:.2f} times as much (bar 2.5)"
        say(line)


def _each(pid: int, phone: Phone) -> float:
    before = cpu_seconds(pid)
    for _ in range(MESSAGES):
        # To where nobody may publish: acknowledged, and nothing has to be durable before.
        phone.publish("elsewhere/place", b"x" * 200)
    spent = cpu_seconds(pid) - before
    phone.close()
    return spent / MESSAGES * 1e6


def revocations(every: list[Certified], runs: int) -> None:
    """From the order to when the certificate is refused, and to when its connection is cut."""
    say("\nRevocation, beside 50 connections of another certificate")
    for broker in every:
        others = [entered(broker, f"other{number}") for number in range(50)]
        refused, cut = [], []
        for _ in range(runs):
            context, which = broker.another()
            phone = shake(broker.port, context)
            assert phone.connect("guest", None, None) == 0
            begin = time.monotonic()
            broker.revoke(which)
            cut.append(_until_cut(phone, begin))
            refused.append(_until_refused(broker.port, context, begin))
        lost = sum(not _lives(phone) for phone in others)
        ends = [each for each in cut if each is not None]
        told = f"{statistics.median(ends):.3f} s" if ends else f"not within {PATIENCE:g} s"
        say(
            f"  {broker.name:10} connection cut after {told}, refused after"
            f" {statistics.median(refused):.3f} s (bars 1 s), others lost {lost}"
        )


def _until_cut(phone: Phone, begin: float) -> float | None:
    try:
        phone.closed_within(PATIENCE)
    except TimeoutError:
        return None
    return time.monotonic() - begin


def _until_refused(port: int, context: ssl.SSLContext, begin: float) -> float:
    while True:
        try:
            phone = shake(port, context)
            if phone.connect("guest", None, None) != 0:
                return time.monotonic() - begin
        except (OSError, Closed):
            return time.monotonic() - begin


def _lives(phone: Phone) -> bool:
    try:
        phone.ping()
    except (Closed, TimeoutError, OSError):
        return False
    phone.close()
    return True


def entered(broker: Certified, client_id: str) -> Phone:
    """A client that is in."""
    phone = shake(broker.port, broker.shown)
    code = phone.connect(client_id, None, None)
    assert code == 0, (broker.name, code)
    return phone


def replacement(runs: int) -> None:
    """What the reactor does when a listener gets a context with many revoked certificates."""
    say(f"\nA listener's context replaced, {REVOKED} revoked certificates on the list")
    house = Lab()
    switch = house.switch()
    snapshot = house.snapshot()
    made = _long_list(house.ca)
    full = lab.revocations(house.ca)
    for name, each in (("an empty list", full), (f"{REVOKED} entries", made)):
        wanted = evolve(snapshot, lists=(each,))
        spent = [_time(partial(switch.replace, wanted)) for _ in range(max(runs, 5))]
        say(f"  {name:16} {statistics.median(spent) * 1e3:6.2f} ms (bar 20)")


def _long_list(ca: lab.Made) -> x509.CertificateRevocationList:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.certificate.subject)
        .last_update(lab.now())
        .next_update(lab.now() + 7 * lab.DAY)
        .add_extension(x509.CRLNumber(2), False)
    )
    entries = [
        x509.RevokedCertificateBuilder()
        .serial_number(number + 1)
        .revocation_date(lab.now())
        .build()
        for number in range(REVOKED)
    ]
    for entry in entries:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(ca.key, hashes.SHA256())


def _time(work: Callable[[], object]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin
