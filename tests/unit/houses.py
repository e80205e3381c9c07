"""What a package of ours imports and names, read from its files without running them."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType


class House:
    """A package: its files by their paths in it, `steps/swap.py`."""

    def __init__(self, package: ModuleType) -> None:
        self.name = package.__name__
        assert package.__file__
        root = Path(package.__file__).parent
        files = sorted(root.rglob("*.py"))
        self.sources = {path.relative_to(root).as_posix(): path for path in files}
        self.modules = {self._module_of(file): file for file in self.sources}

    @functools.cache  # noqa: B019 — there is one for each package
    def tree(self, file: str) -> ast.Module:
        """Parsed when it is asked for: each worker collects all tests, and few run these."""
        return ast.parse(self.sources[file].read_text())

    def docstring(self, file: str) -> str:
        return ast.get_docstring(self.tree(file)) or ""

    @functools.cache  # noqa: B019
    def imports(self, file: str) -> set[str]:
        """The modules that a file imports: `from shipper import git` is shipper.git."""
        found: set[str] = set()
        for node in statements(self.tree(file)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.module, f"{file}: relative imports hide what is imported"
                submodules = {f"{node.module}.{alias.name}" for alias in node.names} & self.modules.keys()
                found |= submodules if len(submodules) == len(node.names) else {*submodules, node.module}
        return found

    def importers_of(self, *packages: str) -> set[str]:
        return {file for file in self.sources if {name.partition(".")[0] for name in self.imports(file)} & {*packages}}

    def users_of(self, *names: str) -> set[str]:
        return {file for file in self.sources if self._names_used(file) & {*names}}

    def within(self, file: str) -> set[str]:
        """What a file imports of its own package."""
        return {name for name in self.imports(file) if name in self.modules}

    def reached_from(self, file: str) -> set[str]:
        """The file, and all files of the package that importing it brings in."""
        reached: set[str] = set()
        waiting = [file]
        while waiting:
            current = waiting.pop()
            if current not in reached:
                reached.add(current)
                waiting += [self.modules[name] for name in self.within(current)]
        return reached

    def _module_of(self, file: str) -> str:
        return ".".join((self.name, *file.removesuffix(".py").removesuffix("__init__").strip("/").split("/"))).rstrip(
            "."
        )

    @functools.cache  # noqa: B019
    def _names_used(self, file: str) -> set[str]:
        """What a file calls or names: `print`, `time.monotonic`; also where it is imported by its own name."""
        used: set[str] = set()
        for node in statements(self.tree(file)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used.add(f"{node.value.id}.{node.attr}")
            elif isinstance(node, ast.Name):
                used.add(node.id)
            elif isinstance(node, ast.ImportFrom):
                used |= {f"{node.module}.{alias.name}" for alias in node.names}
        return used


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes that are there at run time."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.stmt) and _is_for_types(child)):
            yield from statements(child)


def _is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
