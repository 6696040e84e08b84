"""House rules that a reader would otherwise have to remember."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.main import get_command

from geosearch.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("indexes", "geosearch", "benchmarks", "tests")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# Files that only parse, ask and print.
THIN = sorted((ROOT / "geosearch" / "cli").glob("*.py")) + [
    ROOT / "geosearch" / name
    for name in (
        "service/app.py",
        "service/handlers.py",
        "service/map_handlers.py",
        "service/edge.py",
    )
]
MAX_LINES = 500

# Rooms from the lowest to the highest: each imports itself and those before it.
ROOMS = {
    "indexes": (
        "arrays files allowance cache kernel_cache jit prepared bisection storage container layout"
        " timetable text_buffer json_members geo terms text names"
    ),
    "geosearch": (
        "errors hours money snapshot query segment live kernel text answer suggest search"
        " studies sources indexing service cluster cli"
    ),
}


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules(package: str) -> list[Path]:
    return [path for path in SOURCES if path.relative_to(ROOT).parts[0] == package]


def imported(path: Path) -> set[str]:
    """Top-level packages that a module imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def third_party(packages: tuple[str, ...]) -> set[str]:
    """Distributions that the sources of `packages` import, by normalised name."""
    names = {name for package in packages for path in modules(package) for name in imported(path)}
    owners = packages_distributions()
    foreign = names - set(sys.stdlib_module_names) - set(PACKAGES)
    return {owner.lower().replace("_", "-") for name in foreign for owner in owners[name][:1]}


def declared(requirements: list[str]) -> set[str]:
    names = (re.match(r"[\w-]+", requirement) for requirement in requirements)
    return {match[0].lower().replace("_", "-") for match in names if match}


def imported_modules(path: Path) -> set[str]:
    """Modules of the project that a module imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # A name may be a module of its package.
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            names |= inner or {node.module}
    return names & MODULES.keys()


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in SOURCES if "tests" not in path.parts}


@pytest.mark.parametrize("package", ROOMS)
def test_no_arrow_runs_up(package: str) -> None:
    rooms = ROOMS[package].split()
    found = {name.split(".")[1] for name in MODULES if name.startswith(f"{package}.")}
    assert found - {"__main__"} == set(rooms)
    up = []
    for name, path in MODULES.items():
        top, _, rest = name.partition(".")
        room = rest.partition(".")[0]
        if top == package and room in rooms:
            up += [
                f"{name} -> {other}"
                for other in imported_modules(path)
                if other.startswith(f"{package}.")
                and rooms.index(other.split(".")[1]) > rooms.index(room)
            ]
    assert not up


def test_architecture_has_a_heading_a_room_in_their_order() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert re.findall(r"^## `geosearch/(\w+)`", text, re.M) == ROOMS["geosearch"].split()[1:]


def test_no_module_imports_itself_by_way_of_others() -> None:
    arrows = {name: imported_modules(path) - {name} for name, path in MODULES.items()}
    # What imports nothing, or what nothing imports, is in no circle.
    while free := {name for name, others in arrows.items() if not others} or (
        arrows.keys() - set().union(*arrows.values())
    ):
        arrows = {name: others - free for name, others in arrows.items() if name not in free}
    assert not arrows


def test_package_does_not_need_its_benchmarks() -> None:
    guilty = [path for path in modules("geosearch") if "benchmarks" in imported(path)]
    assert not guilty


@pytest.mark.parametrize("path", modules("indexes"), ids=shown)
def test_indexes_know_no_merchant(path: Path) -> None:
    assert not imported(path) & {"geosearch", "benchmarks", "tests"}


@pytest.mark.parametrize("path", modules("geosearch"), ids=shown)
def test_package_does_not_need_its_tests(path: Path) -> None:
    assert "tests" not in imported(path)


@pytest.mark.parametrize("path", THIN, ids=shown)
def test_edges_hold_no_logic(path: Path) -> None:
    assert not imported(path) & {"numpy", "numba", "polars"}


def test_oracles_share_no_code_with_the_engine() -> None:
    for name in (
        *("oracles.py", "oracle.py", "near_oracle.py", "result_oracle.py", "hours_oracle.py"),
    ):
        assert not imported(ROOT / "tests" / name) & {"geosearch", "indexes"}


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_module_fits_a_readers_head(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}
    lines = path.read_text("utf-8").count("\n")
    assert lines <= MAX_LINES


@pytest.mark.parametrize("path", modules("indexes") + modules("geosearch"), ids=shown)
def test_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def test_every_import_is_declared_and_every_dependency_imported() -> None:
    needed, extras = third_party(("indexes", "geosearch")), PROJECT["optional-dependencies"]
    # What is not installed is left out, Ray as a peer; everything else runs without its extra.
    assert needed == declared(PROJECT["dependencies"]) | declared(extras["ray"])
    assert third_party(("benchmarks",)) - needed == declared(extras["bench"])
    assert third_party(("tests",)) - needed <= declared(extras["test"]) | declared(extras["bench"])


def test_every_dependency_says_why_it_is_there() -> None:
    lines = (ROOT / "pyproject.toml").read_text("utf-8").splitlines()
    requirements = [line for line in lines if re.match(r'\s+"[\w-]+>=', line)]
    assert len(requirements) > 20
    assert not [line for line in requirements if "#" not in line]


def test_nothing_names_the_machine_it_was_written_on() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    places = (f"{ROOT.parent}/", f"{Path.home()}/", str(ROOT))
    guilty = [
        name
        for name in listed.stdout.splitlines()
        if (ROOT / name).is_file()
        and any(place in (ROOT / name).read_text("utf-8", "replace") for place in places)
    ]
    assert not guilty


def test_readme_is_short_and_names_every_command() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) < 150
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert len(commands) >= 7
    assert not [name for name in commands if f"geosearch {name}" not in text]


@pytest.mark.parametrize("package", ["indexes", "geosearch"])
def test_architecture_names_every_module(package: str) -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    names = {path.stem for path in modules(package)} - {"__init__", "__main__"}
    assert not sorted(name for name in names if not re.search(rf"[`/]{name}`", text))


@pytest.mark.parametrize("package", ["indexes", "geosearch", "benchmarks"])
def test_tests_mirror_the_sources(package: str) -> None:
    folder = ROOT / "tests" / package
    found = sorted(folder.rglob("test_*.py"))
    assert found
    for path in found:
        sources = ROOT / path.parent.relative_to(ROOT / "tests")
        # What tests share has tests of its own beside it.
        names = {source.stem for source in [*sources.glob("*.py"), *path.parent.glob("*.py")]}
        names -= {path.stem}
        subject = path.stem.removeprefix("test_")
        assert any(subject == name or subject.startswith(f"{name}_") for name in names), path.name


def test_every_requirement_is_pinned_within_its_bounds() -> None:
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    )
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(text for extra in extras.values() for text in extra)]
    for text in wanted:
        requirement = Requirement(text)
        if requirement.name != PROJECT["name"]:
            assert requirement.specifier.contains(pins[requirement.name.lower()]), text


def test_a_class_name_means_one_thing() -> None:
    names: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                names.setdefault(node.name, []).append(name)
    assert not {name: where for name, where in names.items() if len(where) > 1}
