"""What the broker costs beside other brokers: messages, connections, memory."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from tests.bench.accounting import say
from tests.bench.brokers import Broker, running
from tests.bench.fairness import fairness
from tests.bench.loads import Server
from tests.bench.offline import offline
from tests.bench.servers import USER
from tests.whole.daemon import PROJECT

PLAIN: Final = "load/{i}"
"""Free topics: what passes there is a broker's work alone."""
PLACES: Final = f"owntracks/{USER}/b{{i}}"
ALL: Final = "load/+"


@frozen
class Load:
    """`batches`: whether many packets can be read and written at once; then more is asked of us."""

    name: str
    words: str
    topic: str = PLAIN
    filter: str = PLAIN
    batches: bool = False


LOADS: Final = (
    Load("QoS 0, 1 to 1, saturated", "--qos 0 --pubs 1 --subs 1", batches=True),
    Load("QoS 1, 1 to 1, saturated", "--qos 1 --pubs 1 --subs 1", batches=True),
    Load("QoS 2, 1 to 1, saturated", "--qos 2 --pubs 1 --subs 1", batches=True),
    Load(
        "QoS 1, 100 to 1, 10 in flight",
        "--qos 1 --pubs 100 --subs 1 --inflight 10",
        filter=ALL,
        batches=True,
    ),
    Load("QoS 1, 100 pairs, 1 in flight", "--qos 1 --pubs 100 --subs 100 --inflight 1"),
    Load(
        "the same with locations, stored",
        "--qos 1 --pubs 100 --subs 100 --inflight 1 --fill owntracks --size 300",
        topic=PLACES,
        filter=PLACES,
    ),
    Load("QoS 0, 1 to 1000, 1 in flight", "--qos 0 --pubs 1 --subs 1000 --window 1"),
    Load("QoS 1, 1 to 1000, 1 in flight", "--qos 1 --pubs 1 --subs 1000 --window 1 --inflight 1"),
    Load("QoS 1, ping-pong", "--qos 1 --pubs 1 --subs 1 --window 1 --inflight 1"),
)


def generated(server: Server, *words: str) -> dict[str, Any]:
    """What the generator says of one run."""
    outside = os.environ.get("MQTT_LOAD")
    program = [outside] if outside else [sys.executable, "-m", "tests.bench.traffic"]
    way = ["--port", str(server.mqtt), "--user", server.user, "--pass", server.password]
    way += ["--server-pid", str(server.pid), "--json"]
    done = subprocess.run(
        [*program, *way, *words], capture_output=True, text=True, cwd=PROJECT, check=False
    )
    try:
        found = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(found, dict)
    except (IndexError, ValueError):
        raise RuntimeError(f"{program[-1]}: {done.stdout}{done.stderr}") from None
    return found


def middle(runs: Sequence[dict[str, Any]], *path: str) -> float:
    """The median of one figure."""
    found = []
    for run in runs:
        value: Any = run
        for each in path:
            value = value[each]
        found.append(float(value))
    return statistics.median(found)


def messages(brokers: Sequence[Broker], load: Load, seconds: float, runs: int) -> None:
    """One load on all of them, alternating."""
    say(f"\n{load.name}")
    words = [*load.words.split(), "--topic", load.topic, "--filter", load.filter]
    words += ["--duration", str(seconds)]
    found: dict[str, list[dict[str, Any]]] = {each.server.name: [] for each in brokers}
    for _ in range(runs):
        for broker in brokers:
            found[broker.server.name].append(generated(broker.server, *words))
    for name, measured in found.items():
        lost = sum(run["expected"] - run["received"] for run in measured)
        say(
            f"  {name:10} {middle(measured, 'recv_per_s'):9.0f}/s"
            f" {middle(measured, 'srv_us_per_delivery'):7.1f} us CPU each"
            f"  p50 {middle(measured, 'e2e_us', 'p50') / 1e3:7.2f} ms"
            f"  p99 {middle(measured, 'e2e_us', 'p99') / 1e3:7.2f} ms"
            f"  (generator {middle(measured, 'own_busy'):.0%} busy)"
            + (f"  {lost} MISSING" if lost else "")
        )
    _ratios(found, load)


def _ratios(found: dict[str, list[dict[str, Any]]], load: Load) -> None:
    (_, ours), *others = found.items()
    for name, theirs in others:
        rate = middle(ours, "recv_per_s") / max(1, middle(theirs, "recv_per_s"))
        cost = middle(theirs, "srv_us_per_delivery") / middle(ours, "srv_us_per_delivery")
        aim = "rate 4" if name == "amqtt" else "rate 2" if load.batches else "CPU 0.5"
        say(f"  {'':10} of {name}: rate {rate:.2f}, CPU for CPU {cost:.2f} (aim {aim})")


def connections(brokers: Sequence[Broker], number: int) -> None:
    """Signing in, 64 at a time, and staying silent, on processes just started."""
    say(f"\nConnections: {number} sign in, then say nothing")
    for broker in brokers:
        broker.stop()
        broker.start()
        generated(broker.server, "--mode", "idle", "--conns", "1", "--hold", "0.1")
        words = ["--mode", "idle", "--conns", str(number), "--hold", "1"]
        run = generated(broker.server, *words, "--keepalive", "600", "--concurrency", "64")
        say(
            f"  {broker.server.name:10} {run['conn_per_s']:7.0f}/s"
            f" {run['srv_cpu_ramp_s'] * 1e6 / number:7.0f} us CPU each"
            f" {run['kb_per_conn']:6.2f} KiB each"
        )


def broker(options: argparse.Namespace) -> None:
    """All of it, or the loads in whose names `options.only` is found."""
    with running() as brokers:
        names = ", ".join(each.server.name for each in brokers)
        say(f"\nThe broker: {names}; {options.runs} runs each, alternating, medians")
        wanted = options.only
        for load in LOADS:
            if wanted in load.name:
                messages(brokers, load, options.seconds, options.runs)
        if wanted in "connections":
            connections(brokers, options.connections)
        if wanted in "fairness":
            fairness(brokers, options.seconds, options.runs)
        if wanted in "offline":
            offline(brokers)
