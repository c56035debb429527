"""`make bench`: ratios in one run, alternating. Asserts nothing; read ratios and CPU, not rates."""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from tests.bench import storms, tls
from tests.bench.accounting import resident_kib, say
from tests.bench.broker import broker
from tests.bench.loads import CONNECTIONS, PHONES, Measured, Server, idle_connections, posting
from tests.bench.loads import publishing as publish_load
from tests.bench.recorded import against_recorder, stored
from tests.bench.servers import PASSWORD, USER, described, mosquitto, mytracks
from tests.whole.daemon import PROJECT, Daemon
from tests.whole.patience import until
from tests.whole.phone import Phone
from tests.whole.web import Web


def median(runs: list[Measured], field: str) -> float:
    """The median of one figure."""
    return float(statistics.median(getattr(run, field) for run in runs))


def row(name: str, runs: list[Measured]) -> None:
    """One line of figures."""
    say(
        f"  {name:10} {median(runs, 'per_s'):9.0f}/s  {median(runs, 'cpu_us'):7.1f} us CPU"
        f"  p50 {median(runs, 'p50_ms'):6.2f} ms  p99 {median(runs, 'p99_ms'):7.2f} ms"
        f"  ({runs[0].generator}, {len(runs)} runs)"
    )


def publishing(server: Server, peers: list[Server], seconds: float, runs: int) -> None:
    """Durable QoS 1 publishes against a broker's acknowledgements."""
    say(f"\nMQTT, QoS 1, {PHONES} phones, one under way each; mosquitto stores nothing")
    before = stored(server)
    found: dict[str, list[Measured]] = {each.name: [] for each in (server, *peers)}
    for run in range(runs):
        for each in (server, *peers):
            found[each.name].append(publish_load(each, seconds, run * 1_000_000))
    ours = found.pop(server.name)
    row(server.name, ours)
    say(f"  {'':10} acknowledged {sum(run.done for run in ours)}, stored {stored(server) - before}")
    for name, theirs in found.items():
        row(name, theirs)
        ratio = median(ours, "per_s") / median(theirs, "per_s")
        cost = median(ours, "cpu_us") / median(theirs, "cpu_us")
        bars = " (bar 0.25), CPU {:.1f} (aim 6)" if name != "bare" else ", CPU {:.1f}"
        say(f"  {'':10} ratio: acknowledgements {ratio:.2f}{bars.format(cost)}")
    say(f"  CPU for each stored point {median(ours, 'cpu_us'):.0f} us (bar 120)")


def http_mode(server: Server, seconds: float, runs: int) -> None:
    """POST /pub with Basic."""
    say(f"\nHTTP mode, Basic, {CONNECTIONS} connections")
    before = stored(server)
    found = [posting(server, seconds, 100_000_000 + run * 1_000_000) for run in range(runs)]
    row("mytracks", found)
    say(f"  answered {sum(run.done for run in found)}, stored {stored(server) - before}")
    rate, cost = median(found, "per_s"), median(found, "cpu_us")
    say(f"  {rate:.0f}/s (bar 2000), {cost:.0f} us CPU (bar 400)")


def idle(daemon: Daemon, peers: list[Server], number: int) -> None:
    """Memory of connections that say nothing, on processes just started."""
    say(f"\nIdle: {number} signed-in connections")
    daemon.stop()
    daemon.start()
    for server in (described(daemon), *peers[:1]):
        with idle_connections(server, 1):
            before = resident_kib(server.pid)
        with idle_connections(server, number):
            each = (resident_kib(server.pid) - before) / number
        bar = "" if server in peers else " (bar 10)"
        say(f"  {server.name:10} {each:6.2f} KiB each{bar}")


def connack_delay(daemon: Daemon) -> float:
    """Seconds from launch to the first accepted CONNECT."""
    begin = time.monotonic()
    daemon.start()
    phone = Phone(daemon.mqtt)
    try:
        assert phone.connect("first", USER, PASSWORD) == 0
        return time.monotonic() - begin
    finally:
        phone.close()


def starting(daemon: Daemon, runs: int) -> None:
    """Launch to first CONNACK, and the memory of the whole process at rest."""
    delays, sizes = [], []
    for _ in range(runs):
        daemon.stop()
        delays.append(connack_delay(daemon))
        web = Web(daemon.http)
        until(lambda web=web: web.get("/api/health").status == 200, 10, "health")  # type: ignore[misc]
        sizes.append(resident_kib(daemon.pid) / 1024)
    say("\nStart")
    say(f"  launch to first CONNACK {statistics.median(delays):.2f} s (bar 1.5)")
    say(f"  whole process at rest {statistics.median(sizes):.0f} MiB resident (bar 95)")


def storing(seconds: float, runs: int, rows: int) -> None:
    """The store without a network, in a process of its own."""
    words = ["--seconds", str(seconds), "--runs", str(runs), "--rows", str(rows)]
    subprocess.run([sys.executable, "-m", "tests.bench.storing", *words], cwd=PROJECT, check=True)


def main() -> None:
    """Run all, or the sections that were named."""
    sections = (
        "start",
        "mqtt",
        "broker",
        "http",
        "idle",
        "recorded",
        "storm",
        "reconnect",
        "tls",
        "store",
    )
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(sections)}; all without any")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=10_000_000, help="stored locations to read")
    parser.add_argument("--only", default="", help="of `broker`: loads with this in their names")
    options = parser.parse_args()
    wanted = options.sections or sections
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    if set(wanted) - {"store", "broker", "storm", "reconnect", "tls"}:
        daemons(wanted, options)
    if "broker" in wanted:
        broker(options)
    if "storm" in wanted:
        storms.storm(options.seconds)
    if "reconnect" in wanted:
        storms.reconnect(options.runs)
    if "tls" in wanted:
        tls.tls(options.runs)
    if "store" in wanted:
        storing(options.seconds, options.runs, options.rows)


def daemons(wanted: Sequence[str], options: argparse.Namespace) -> None:
    """The sections that need mytracks and mosquitto."""
    with mytracks() as daemon, mosquitto(bare=False) as usual, mosquitto(bare=True) as bare:
        peers = [each for each in (usual, bare) if each is not None]
        if not peers:
            say("mosquitto is not installed: no ratios against it")
        daemon.start()
        if "start" in wanted:
            starting(daemon, options.runs)
        if "idle" in wanted:
            idle(daemon, peers, options.connections)
        if "mqtt" in wanted:
            publishing(described(daemon), peers, options.seconds, options.runs)
        if "http" in wanted:
            http_mode(described(daemon), options.seconds, options.runs)
        if "recorded" in wanted and usual is not None:
            against_recorder(described(daemon), usual, options.seconds, options.runs)


if __name__ == "__main__":
    main()
