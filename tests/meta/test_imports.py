"""The architecture, held by a test: which room may import which, and where the dangerous words may stand."""

import ast
import sys
from functools import cache
from pathlib import Path

import chirp_trio

PACKAGE = Path(chirp_trio.__file__).parent

# What each room may import of ours, itself aside. Arrows point down, never back; nothing imports `testing`.
MAY_IMPORT = {
    "headers": set(),
    "addresses": set(),
    "errors": {"headers"},
    "compression": {"wire"},
    "contexts": set(),
    "arguments": {"errors"},
    "histogram": set(),
    "failures": set(),
    "gathering": set(),
    "logs": set(),
    "output": set(),
    "processes": set(),
    "asgi": {"errors"},
    "habits": {"errors"},
    "wire": {"errors"},
    "threads": set(),
    "version": set(),
    "htmx": {"markup", "wire"},
    "stream": {
        "compression",
        "contexts",
        "arguments",
        "addresses",
        "headers",
        "errors",
        "failures",
        "gathering",
        "habits",
        "logs",
        "asgi",
        "wire",
        "htmx",
        "threads",
    },
    "topics": {"arguments", "histogram", "errors", "failures", "logs", "processes", "wire", "htmx", "stream", "threads"},
    "redis": {"arguments", "errors", "logs", "wire", "topics"},
    "templates": {"errors", "wire"},
    "server": {
        "arguments",
        "addresses",
        "contexts",
        "headers",
        "errors",
        "failures",
        "gathering",
        "habits",
        "logs",
        "output",
        "processes",
        "asgi",
    },
    "web": {
        "arguments",
        "compression",
        "headers",
        "errors",
        "failures",
        "habits",
        "logs",
        "asgi",
        "wire",
        "htmx",
        "threads",
        "stream",
        "topics",
        "templates",
        "server",
    },
    "markup": set(),
    "checking": {"arguments", "errors", "htmx", "markup", "wire", "stream", "topics", "templates", "web"},
    "openapi": set(),
    "starlette": {"headers", "errors", "asgi", "stream", "openapi"},
    "responses": {"stream", "starlette"},
    "metrics": {"arguments", "histogram", "asgi", "stream", "topics"},
    "testing": {
        "arguments",
        "compression",
        "errors",
        "asgi",
        "wire",
        "threads",
        "server",
        "htmx",
        "markup",
        "topics",
    },  # threads for the clock, the server for `TestClient.live()`, topics for `check_store()`
    "cli": {
        "compression",
        "errors",
        "failures",
        "habits",
        "logs",
        "output",
        "asgi",
        "version",
        "wire",
        "topics",
        "redis",
        "web",
        "server",
        "checking",
    },
    "__main__": {"cli"},
    "": {
        "compression",
        "errors",
        "habits",
        "version",
        "wire",
        "stream",
        "responses",
        "topics",
        "redis",
        "templates",
        "web",
        "server",
    },  # the public names
}

# What each room may import of others', the standard library aside.
MAY_USE = {
    "headers": set(),
    "compression": set(),
    "contexts": set(),
    "failures": {"trio"},
    "gathering": {"trio"},
    "addresses": set(),
    "errors": set(),
    "arguments": set(),
    "histogram": set(),
    "logs": set(),
    "output": set(),
    "processes": set(),
    "asgi": {"trio"},
    "habits": set(),
    "wire": {"msgspec"},
    "htmx": set(),
    "stream": {"trio"},
    "threads": {"trio"},
    "version": set(),
    "topics": {"trio"},
    "redis": {"trio", "hiredis"},
    "templates": {"kida"},
    "server": {"trio", "hypercorn", "h2", "hyperframe", "hpack"},
    "web": {"trio", "python_multipart"},
    "markup": set(),
    "checking": {"kida"},
    "openapi": {"pydantic"},  # in a function, for those who use FastAPI
    "starlette": {"starlette"},
    "responses": {"starlette"},
    "metrics": {"trio", "prometheus_client"},
    "testing": {"trio", "httpx", "h11"},
    "cli": {"click", "trio", "httpx", "rich"},
    "__main__": set(),
    "": set(),
}


@cache
def modules() -> tuple[Path, ...]:
    return tuple(sorted(PACKAGE.rglob("*.py")))


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    first = relative.parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All that a file's code consists of."""
    return list(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> tuple[set[str], set[str]]:
    """The rooms that a module imports, and the top-level packages that are not ours."""
    ours, others = set(), set()
    depth = len(path.relative_to(PACKAGE).parts)
    for node in nodes(path):
        if isinstance(node, ast.Import):
            others |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            others.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            if node.level == depth:  # from the package itself, so the first name is the room
                ours |= {node.module.partition(".")[0]} if node.module else {alias.name for alias in node.names}
            else:
                ours.add(room(path))
    return ours - {room(path)}, others


def test_a_module_imports_only_what_its_room_may():
    unwanted = []
    for path in modules():
        ours, others = imports(path)
        unwanted += [f"{path} imports {name}, of ours" for name in sorted(ours - MAY_IMPORT[room(path)])]
        foreign = others - sys.stdlib_module_names - MAY_USE[room(path)]
        unwanted += [f"{path} imports {name}" for name in sorted(foreign)]
    assert not unwanted, "\n".join(unwanted)


def test_every_room_is_in_the_table():
    assert {room(path) for path in modules()} == set(MAY_IMPORT) == set(MAY_USE)


def test_the_table_has_no_circle():
    order: list[str] = []
    left = dict(MAY_IMPORT)
    while left:
        free = [name for name, needs in left.items() if needs <= set(order)]
        assert free, f"these import one another: {sorted(left)}"
        order += free
        for name in free:
            del left[name]


def imported_files(path: Path) -> set[Path]:
    """The files of ours that a file imports, wherever in it: within functions and `TYPE_CHECKING` too.

    What a package's `__init__` hands on is imported from the file that it comes from.
    """
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for alias in node.names:
                found |= {home} if (home := home_of(base, alias.name)) is not None else set()
    return found - {path}


@cache
def home_of(base: Path, name: str) -> Path | None:
    """The file that a name comes from which is imported from `base`: a module, or a package that may hand it on."""
    if not base.is_dir():
        return base.with_suffix(".py")
    init = base / "__init__.py"
    for node in ast.parse(init.read_text()).body:
        if (
            isinstance(node, ast.ImportFrom)
            and node.level == 1
            and name in {alias.asname or alias.name for alias in node.names}
        ):
            return home_of(base / node.module, name) if node.module else home_of(base / name, "")
    for module in (base / name, (base / name).with_suffix(".py")):
        if name and module.exists():
            return home_of(base / name, "")
    return init


def circles(arrows: dict[Path, set[Path]]) -> list[set[Path]]:
    """The sets of files that reach one another, by their imports: strongly connected components of more than one."""
    reached: dict[Path, set[Path]] = {}
    for start in arrows:
        seen, left = set[Path](), [start]
        while left:
            new = arrows[left.pop()] - seen
            seen |= new
            left += new
        reached[start] = seen
    found: list[set[Path]] = []
    for start in arrows:
        circle = {start, *(other for other in reached[start] if start in reached[other])}
        if len(circle) > 1 and circle not in found:
            found.append(circle)
    return found


def test_no_files_import_one_another():
    arrows = {path: imported_files(path).intersection(modules()) for path in modules()}
    assert sum(map(len, arrows.values())) > 300, "imports are found"
    named = [sorted(str(path.relative_to(PACKAGE)) for path in circle) for circle in circles(arrows)]
    assert named == []


def test_a_circle_of_files_is_found():
    one, two, three, four = (Path(name) for name in ("one", "two", "three", "four"))
    assert circles({one: {two}, two: {three}, three: {one}, four: {one}}) == [{one, two, three}]


def files_with(*names: str) -> set[str]:
    """The modules in whose code, not comments or texts, one of these names stands."""
    found = set()
    for path in modules():
        for node in nodes(path):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
            if name in names:
                found.add(str(path.relative_to(PACKAGE)))
    return found


def test_the_wire_is_synchronous():
    for path in (PACKAGE / "wire").glob("*.py"):
        assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in nodes(path))


def test_a_nursery_is_opened_only_where_the_architecture_says_so():
    assert files_with("open_nursery") == {
        "stream/host.py",  # behind all streams of an app
        "stream/lifecycle.py",  # one stream
        "topics/storage/sqlite/journal.py",  # what writes a topic's history
        "redis/connection.py",  # what writes and what reads
        "redis/journal.py",  # what a topic needs while it is open
        "redis/link.py",  # the two connections of a process
        "redis/publishing.py",  # what sends and what takes the answers
        "redis/sentinel.py",  # a connection that is asked for the master
        "redis/server.py",  # a connection, and what it is used for
        "web/foreign.py",  # somebody else's response, and who looks whether its client is there
        "web/dispatch.py",  # a response, and the request body that nobody read
        "web/page_stream.py",  # a page that is rendered while it is sent
        "server/http2.py",  # the requests of one connection
        "server/serve.py",
        "server/worker.py",
        "server/workers.py",  # what keeps them running, and what is told by signals
        "server/websocket.py",
        "server/reload.py",
        "testing/store_presence.py",  # who comes and leaves, and who watches that
        "testing/store_scenes.py",  # publishers, and what reads to the end
        "testing/hosting.py",  # an app, and its clients
        "cli/tail.py",  # what it prints, and whether anybody reads it
    }


def test_asyncio_is_nowhere():
    assert not any("asyncio" in imports(path)[1] for path in modules())


def test_every_shield_has_a_deadline():
    for path in modules():
        for node in nodes(path):
            if isinstance(node, ast.Call) and any(keyword.arg == "shield" for keyword in node.keywords):
                assert isinstance(node.func, ast.Attribute)
                if path.name == "serve.py":
                    continue  # it gets its deadline when somebody wants it to end; until then a server has none
                assert node.func.attr in {"move_on_after", "fail_after"}, f"{path}:{node.lineno}"
            if isinstance(node, ast.Assign):
                if path.name == "producer.py":
                    continue  # `cancel_once_more()`: the shield ends with the next call, and the last one with the host
                assert not any(isinstance(t, ast.Attribute) and t.attr == "shield" for t in node.targets), (
                    f"{path}:{node.lineno}"
                )


def test_files_are_short_enough_to_be_read_at_one_sitting():
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in modules()}
    assert {path: length for path, length in lengths.items() if length > 300} == {}
