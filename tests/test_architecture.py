"""The layout shows how data flows; these tests fail when it stops being true."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "callguard"
TESTS = ROOT / "tests"
ASTERISKS_WORDS = re.compile(r"\bsnoops?\b", re.IGNORECASE)
SPEAK_THEM = ("asterisk", "doctor", "testbed", "ari_app.py", "config/schema.py", "config/pbx.py", "cli")
"""asterisk/ and ari_app speak ARI; doctor and testbed stand at the PBX's side; config and help explain them."""
LONGEST_MODULE = 400
MOST_MODULES = 19
"""In one folder: what the eye takes in at one look."""

IMPURE = {
    *("asyncio", "socket", "redis", "time", "logging", "structlog", "aiohttp"),
    *("multiprocessing", "panoramisk", "random", "select", "sqlite3", "subprocess", "threading"),
}
"""What no pure module imports, be it by another module of ours."""
IMPURE_CALLS = re.compile(r"\bdatetime\.now\(|\bopen\(|\.(read|write)_(text|bytes)\(|\bprint\(")
"""The clock and files: what a pure module does not ask, although it may import `datetime` and `Path`."""

BESIDE = ("benchmarks", "tools", "training")
"""Folders beside callguard/ whose scripts are tested where much hangs on them."""
OTHER_KINDS = {
    *BESIDE,
    *("acceptance", "browser", "integration"),  # through the whole service, a browser, a real Asterisk
    *("captures", "harness", "support"),  # what tests are made of
}
"""Folders below tests/ whose files mirror no module of callguard/."""
ABOUT_A_ROOM = {"test_docs", "test_attempts"}
"""Test files that a room may have besides its mirror: its page in docs/ keeps up with the code; what is
attempted at its doors is refused."""
ABOUT_THE_REPOSITORY = {
    "test_architecture.py",
    "test_conftest.py",
    "test_docs.py",
    "test_isolation.py",
    "test_wheel.py",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


each_module = pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))


def is_face(path: Path) -> bool:
    """Tell whether a module only says what a package is and hands on names of others."""
    body = ast.parse(path.read_text("utf-8")).body
    return not any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in body)


def mirror(path: Path) -> Path | None:
    """Return the test file of a module: the same place below tests/; None where the module has nothing to test.

    A package that has code of its own is tested like a module of the folder that it stands in.
    """
    place = path.relative_to(PACKAGE)
    if place.name == "__init__.py":
        if is_face(path):
            return None
        place = place.parent.with_suffix(".py")
    return None if place.name == "__main__.py" else TESTS / place.with_name(f"test_{place.name}")


def files_of_rooms() -> Iterator[Path]:
    for path in TESTS.rglob("test_*.py"):
        place = path.relative_to(TESTS)
        if not OTHER_KINDS & set(place.parts) and str(place) not in ABOUT_THE_REPOSITORY:
            yield path


def test_imports_keep_their_direction() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@each_module
def test_snoops_stay_with_asterisk(path: Path) -> None:
    if not str(path.relative_to(PACKAGE)).startswith(SPEAK_THEM):
        assert ASTERISKS_WORDS.findall(path.read_text("utf-8")) == []


@each_module
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("room", sorted({path.parent for path in modules()}), ids=lambda path: path.name)
def test_rooms_stay_small(room: Path) -> None:
    assert len([path for path in room.glob("*.py") if path.name != "__init__.py"]) <= MOST_MODULES


@each_module
def test_each_module_has_a_test_file_of_its_own(path: Path) -> None:
    expected = mirror(path)
    assert expected is None or expected.is_file(), f"write {expected.relative_to(ROOT)}"


def test_each_test_file_has_a_module() -> None:
    mirrored = {mirror(path) for path in modules()}
    others = [path for path in files_of_rooms() if path not in mirrored and path.stem not in ABOUT_A_ROOM]
    for folder in BESIDE:
        known = {f"test_{path.name}" for path in (ROOT / folder).glob("*.py")}
        others += [path for path in (TESTS / folder).glob("test_*.py") if path.name not in known]
    assert others == [], "a test is named after the module that it tests"


def says_pure(path: Path) -> bool:
    """Tell whether a module's docstring ends a sentence with "Pure."."""
    return re.search(r"\. Pure\.", ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "") is not None


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        "callguard", include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


@pytest.mark.parametrize(
    "path", [path for path in modules() if says_pure(path)], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_what_says_pure_is(path: Path, graph: grimp.ImportGraph) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    chains = [graph.find_shortest_chain(name, impure) for impure in sorted(IMPURE & graph.modules)]
    assert [" -> ".join(chain) for chain in chains if chain] == []
    assert IMPURE_CALLS.findall(path.read_text("utf-8")) == []
