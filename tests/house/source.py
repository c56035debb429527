"""The product's source, read as text and as syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@frozen
class Source:
    """One file of the product."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its path inside the repository."""
        return str(self.path.relative_to(ROOT))

    def at(self, node: ast.expr | ast.stmt) -> str:
        """Where a node stands, as an editor takes it."""
        return f"{self.name}:{node.lineno}"


def sources() -> Iterator[Source]:
    """Every file of the package and its plugin."""
    for folder in ("mytracks", "twisted/plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text()
            yield Source(path, text, ast.parse(text, str(path)))


def functions(source: Source) -> Iterator[Function]:
    """Every function and method, inner ones too."""
    for node in ast.walk(source.tree):
        if isinstance(node, Function):
            yield node


def dotted(node: ast.expr) -> str:
    """`a.b.c` as text; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def calls(source: Source) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the name of what is called as it is written."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node
