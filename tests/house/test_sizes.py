"""A file or a function that grows too long is two things (design 2)."""

import ast

from twisted.trial.unittest import SynchronousTestCase

from tests.house.source import functions, sources

FILE_LINES = 400
FUNCTION_LINES = 40
NAMELESS = {"utils", "util", "helpers", "helper", "base", "common", "manager", "misc"}


class SizeTests(SynchronousTestCase):
    """Measured, not felt."""

    def test_no_file_is_longer_than_400_lines(self) -> None:
        """Whoever looks for something reads one file, not a book."""
        long = {s.name: n for s in sources() if (n := s.text.count("\n")) > FILE_LINES}
        self.assertEqual({}, long)

    def test_no_function_is_longer_than_40_lines(self) -> None:
        """Nobody dares to touch what does not fit on a screen."""
        long = {
            f"{source.at(function)} {function.name}": length
            for source in sources()
            for function in functions(source)
            if (length := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
        }
        self.assertEqual({}, long)

    def test_no_file_is_called_by_a_name_that_means_nothing(self) -> None:
        """A room that needs `utils` is missing a name."""
        names = [s.name for s in sources() if s.path.stem in NAMELESS]
        self.assertEqual([], names)

    def test_every_file_and_every_public_function_says_what_it_is_for(self) -> None:
        """One line is enough; none is not."""
        silent = [s.name for s in sources() if s.text and not ast.get_docstring(s.tree)]
        for source in sources():
            for node in source.tree.body:
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    continue
                if not node.name.startswith("_") and not ast.get_docstring(node):
                    silent.append(f"{source.at(node)} {node.name}")
        self.assertEqual([], silent)
