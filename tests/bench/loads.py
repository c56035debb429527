"""Loads and the programs that make them: an outside generator where there is one, else our own."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.bench.accounting import cpu_seconds
from tests.whole.daemon import PROJECT

PHONES = 100
CONNECTIONS = 32


@frozen
class Server:
    """What is measured: a process and how to get in."""

    name: str
    pid: int
    mqtt: int
    user: str = ""
    password: str = ""
    http: int = 0


@frozen
class Measured:
    """One run's result. `cpu_us`: the server's CPU time for each operation."""

    done: int
    per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    generator: str


def _output(words: list[str], environ: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=PROJECT, env=os.environ | (environ or {})
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{words[0]} said nothing: {done.stdout}{done.stderr}")
    found = json.loads(lines[-1])
    assert isinstance(found, dict)
    return found


def _own(mode: str, server: Server, port: int, clients: int, *words: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "tests.bench.generator",
        mode,
        "--port",
        str(port),
        "--user",
        server.user,
        "--password",
        server.password,
        "--clients",
        str(clients),
        *words,
    ]


def _measured(server: Server, words: list[str], environ: dict[str, str] | None = None) -> Measured:
    before = cpu_seconds(server.pid)
    found = _output(words, environ)
    spent = cpu_seconds(server.pid) - before
    if "acked" in found:
        delays = found["ack_us"]
        found = {
            "done": found["acked"],
            "per_s": found["pub_per_s"],
            "p50_ms": delays["p50"] / 1e3,
            "p99_ms": delays["p99"] / 1e3,
        }
    return Measured(
        done=found["done"],
        per_s=found["per_s"],
        cpu_us=spent * 1e6 / max(1, found["done"]),
        p50_ms=found["p50_ms"],
        p99_ms=found["p99_ms"],
        generator=Path(words[0]).name if "-m" not in words else "built-in",
    )


def publishing(server: Server, seconds: float, first: int) -> Measured:
    """QoS 1 from `PHONES` phones, one message under way each, as fast as they are answered."""
    outside = os.environ.get("MQTT_LOAD")
    if outside:
        return _measured(
            server,
            [
                outside,
                "--port",
                str(server.mqtt),
                "--pubs",
                str(PHONES),
                "--subs",
                "0",
                "--qos",
                "1",
                "--inflight",
                "1",
                "--fill",
                "owntracks",
                "--size",
                "300",
                "--topic",
                f"owntracks/{server.user or 'ana'}/p{{i}}",
                "--user",
                server.user,
                "--pass",
                server.password,
                "--duration",
                str(seconds),
                "--json",
            ],
        )
    words = _own(
        "mqtt", server, server.mqtt, PHONES, "--seconds", str(seconds), "--first", str(first)
    )
    return _measured(server, words)


def posting(server: Server, seconds: float, first: int) -> Measured:
    """HTTP mode with Basic on `CONNECTIONS` kept connections."""
    if shutil.which("wrk"):
        auth = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
        script = str(Path(__file__).with_name("post.lua"))
        words = [
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds:.0f}",
            "-s",
            script,
            "--latency",
            f"http://127.0.0.1:{server.http}",
        ]
        return _measured(server, words, {"BENCH_AUTH": auth, "BENCH_FIRST": str(first)})
    words = _own(
        "http", server, server.http, CONNECTIONS, "--seconds", str(seconds), "--first", str(first)
    )
    return _measured(server, words)


@contextmanager
def idle_connections(server: Server, number: int) -> Iterator[None]:
    """Hold `number` signed-in connections that say nothing."""
    process = subprocess.Popen(
        _own("idle", server, server.mqtt, number),
        cwd=PROJECT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{server.name} did not take {number} connections")
        yield
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
