"""A thousand clients that are away, and twenty messages for each of them."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from tests.bench.accounting import cpu_seconds, resident_kib, say
from tests.bench.brokers import Broker, seconds_to_answer
from tests.bench.clients import Client, connected
from tests.bench.loads import Server
from tests.bench.servers import PASSWORD, USER
from tests.whole import packets
from tests.whole.phone import Phone

SESSIONS: Final = 1_000
MESSAGES: Final = 20
TOPIC: Final = "load/all"
AT_ONCE: Final = 64


async def signed_in(server: Server, name: str, wanted: int = 0) -> tuple[Client, bool]:
    """Client `name` with its session; whether all of `wanted` messages came within a minute."""
    client = await connected(server.mqtt)
    complete = asyncio.Event()

    def heard(_: bytes) -> None:
        if client.received >= wanted:
            complete.set()

    client.heard = heard
    await client.sign_in(name, USER, PASSWORD, clean=False)
    await client.subscribe(TOPIC, 1)
    if wanted:
        try:
            await asyncio.wait_for(complete.wait(), 60)
        except TimeoutError:
            return client, False
    return client, True


async def everybody(server: Server, wanted: int = 0) -> int:
    """All sign in, `AT_ONCE` at a time, and leave; how many messages came."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> int:
        async with room:
            client, _ = await signed_in(server, f"away{number}", wanted)
            await asyncio.sleep(0)
            client.transport.write(packets.DISCONNECT)
            client.transport.close()
            return client.received

    return sum(await asyncio.gather(*map(one, range(SESSIONS))))


async def still_there(server: Server) -> bool:
    """Whether one of the sessions is."""
    client = await connected(server.mqtt)
    await client.sign_in("away0", USER, PASSWORD, clean=False)
    client.transport.abort()
    return client.present


def queue(server: Server) -> float:
    """Publish to those who are away, one at a time; the seconds until the last is acknowledged."""
    phone = Phone(server.mqtt)
    assert phone.connect("publisher", USER, PASSWORD) == 0
    begin = time.perf_counter()
    for number in range(MESSAGES):
        phone.send(packets.publish(TOPIC, b"%d" % number + b"x" * 200, number + 1, qos=1))
        assert phone.read().packet_id == number + 1
    spent = time.perf_counter() - begin
    phone.disconnect()
    return spent


def offline(brokers: Sequence[Broker]) -> None:
    """Time to queue, to start again with that, to hand it out."""
    count = SESSIONS * MESSAGES
    say(f"\n{SESSIONS} sessions that are away, {MESSAGES} messages for each")
    for broker in brokers:
        name = broker.server.name
        broker.stop()
        empty = seconds_to_answer(broker)
        asyncio.run(everybody(broker.server))
        before, cpu = resident_kib(broker.server.pid), cpu_seconds(broker.server.pid)
        took = queue(broker.server)
        cost = (cpu_seconds(broker.server.pid) - cpu) * 1e6 / count
        grown = (resident_kib(broker.server.pid) - before) / 1024
        say(f"  {name:10} queued in {took:.2f} s ({cost:.1f} us CPU each, memory +{grown:.1f} MiB)")
        begin = time.monotonic()
        broker.stop()
        stopped, again = time.monotonic() - begin, seconds_to_answer(broker)
        say(f"  {'':10} stopped in {stopped:.2f} s, started in {again:.2f} s (empty {empty:.2f} s)")
        if name != "mytracks" and not asyncio.run(still_there(broker.server)):
            say(f"  {'':10} its sessions are gone")
            continue
        broker.stop(kill=name == "mytracks")
        broker.start()
        replay(broker, count)


def replay(broker: Broker, count: int) -> None:
    """Everybody comes back: we after kill -9, others after an orderly stop."""
    server = broker.server
    begin, cpu = time.perf_counter(), cpu_seconds(server.pid)
    came = asyncio.run(everybody(server, MESSAGES))
    took, cost = time.perf_counter() - begin, (cpu_seconds(server.pid) - cpu) * 1e6 / max(1, came)
    how = "after kill -9" if server.name == "mytracks" else "after an orderly stop"
    say(
        f"  {'':10} handed out {came} of {count} {how} in {took:.2f} s"
        f" ({came / took:.0f}/s, {cost:.1f} us CPU each, signing in included)"
    )
