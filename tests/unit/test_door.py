import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import shipper


def names_for_type_checkers() -> list[str]:
    tree = ast.parse(Path(shipper.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imported = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return sorted(alias.asname or alias.name for node in imported for alias in node.names)


def test_type_checkers_and_programs_see_the_same_names() -> None:
    assert names_for_type_checkers() == dir(shipper)


@pytest.mark.parametrize("name", names_for_type_checkers())
def test_every_name_of_the_door_can_be_got(name: str) -> None:
    assert getattr(shipper, name) is not None


def test_every_function_of_the_door_says_what_it_does() -> None:
    functions = [thing for thing in map(shipper.__getattr__, dir(shipper)) if inspect.isfunction(thing)]
    assert [function.__name__ for function in functions if not function.__doc__] == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'shipper' has no attribute 'deplyo'"):
        getattr(shipper, "deplyo")  # noqa: B009 — a plain attribute would be a type error, as it should be


@pytest.mark.parametrize("module", ["shipper", "shipper.cli"])
def test_importing_it_costs_none_of_the_libraries(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    finished = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    heavy = {"asyncssh", "docker", "jinja2", "pydantic", "requests", "rich", "yaml"}
    assert heavy & set(finished.stdout.split()) == set()
