"""Paths: what a pattern matches, what its converters make of it, and which patterns are refused."""

import uuid

import pytest

from chirp_trio import ConfigurationError
from chirp_trio.web.routing import compile_path, is_below, make_route
from tests.cases import each_case

A_UUID = "12345678-9abc-def0-1234-56789abcdef0"


def handler():
    raise AssertionError("routing calls no handler")


def match(pattern, path):
    return make_route(pattern, ["GET"], handler).match(path)


@each_case(
    ("pattern", "path", "parameters"),
    [
        pytest.param("/", "/", {}, id="root"),
        pytest.param("/a/b", "/a/b", {}, id="literal"),
        pytest.param("/u/{name}", "/u/ada", {"name": "ada"}, id="str by default"),
        pytest.param("/u/{name:}", "/u/ada", {"name": "ada"}, id="str where the converter is empty"),
        pytest.param("/u/{name:str}", "/u/Ada L. ü", {"name": "Ada L. ü"}, id="str holds anything but a slash"),
        pytest.param("/{a}/x/{b}", "/1/x/2", {"a": "1", "b": "2"}, id="several parameters"),
        pytest.param("/v{major:int}.{minor:int}", "/v1.20", {"major": 1, "minor": 20}, id="several in one segment"),
        pytest.param("/{größe}", "/xl", {"größe": "xl"}, id="any Python name"),
        pytest.param("/{n:int}", "/7", {"n": 7}, id="int"),
        pytest.param("/{n:int}", "/-7", {"n": -7}, id="negative int"),
        pytest.param("/{n:int}", "/007", {"n": 7}, id="int with zeros in front"),
        pytest.param("/{n:int}", "/" + "9" * 18, {"n": int("9" * 18)}, id="int of eighteen digits"),
        pytest.param("/{n:float}", "/1.5", {"n": 1.5}, id="float"),
        pytest.param("/{n:float}", "/-2", {"n": -2.0}, id="float without a fraction"),
        pytest.param("/{n:uuid}", f"/{A_UUID}", {"n": uuid.UUID(A_UUID)}, id="uuid"),
        pytest.param("/{n:uuid}", f"/{A_UUID.upper()}", {"n": uuid.UUID(A_UUID)}, id="uuid in capitals"),
        pytest.param("/f/{rest:path}", "/f/a/b.txt", {"rest": "a/b.txt"}, id="path has slashes"),
        pytest.param("/f/{rest:path}", "/f/a\nb", {"rest": "a\nb"}, id="path has line breaks"),
        pytest.param("/{rest:path}/end", "/a/end/end", {"rest": "a/end"}, id="path takes as much as it can"),
    ],
)
def test_a_pattern_matches_and_converts(pattern, path, parameters):
    matched = match(pattern, path)

    assert matched == parameters
    assert [type(value) for value in matched.values()] == [type(value) for value in parameters.values()]


@each_case(
    ("pattern", "path"),
    [
        pytest.param("/a", "/a/", id="a slash more"),
        pytest.param("/a/", "/a", id="a slash less"),
        pytest.param("/a", "/A", id="other case"),
        pytest.param("/a", "/a\n", id="a line break more"),
        pytest.param("/a.b", "/axb", id="a dot is a dot"),
        pytest.param("/a+", "/aa", id="a plus is a plus"),
        pytest.param("/u/{name}", "/u/", id="str is never empty"),
        pytest.param("/u/{name}", "/u/a/b", id="str ends at a slash"),
        pytest.param("/{n:int}", "/x", id="int is no word"),
        pytest.param("/{n:int}", "/1.0", id="int has no fraction"),
        pytest.param("/{n:int}", "/+1", id="int has no plus"),
        pytest.param("/{n:int}", "/1_0", id="int has no underscore"),
        pytest.param("/{n:int}", "/٣", id="int has ASCII digits"),
        pytest.param("/{n:int}", "/" + "9" * 19, id="int is bounded"),
        pytest.param("/{n:float}", "/1.", id="float has digits after its dot"),
        pytest.param("/{n:float}", "/.5", id="float has digits before its dot"),
        pytest.param("/{n:float}", "/nan", id="float is a number"),
        pytest.param("/{n:float}", "/1e5", id="float has no exponent"),
        pytest.param("/{n:uuid}", f"/{A_UUID[:-1]}", id="uuid is whole"),
        pytest.param("/{n:uuid}", f"/{A_UUID.replace('-', '')}", id="uuid has its hyphens"),
        pytest.param("/f/{rest:path}", "/f/", id="path is never empty"),
    ],
)
def test_a_path_that_does_not_fit_is_left_to_other_routes(pattern, path):
    assert match(pattern, path) is None


@each_case(
    ("pattern", "message"),
    [
        pytest.param("users", "the path 'users' must begin with '/'", id="no slash"),
        pytest.param("", "the path '' must begin with '/'", id="empty"),
        pytest.param("/{}", "the path '/{}' has a parameter '', which is no Python name", id="no name"),
        pytest.param("/{1st}", "a parameter '1st', which is no Python name", id="no Python name"),
        pytest.param("/{a b}", "a parameter 'a b', which is no Python name", id="space in a name"),
        pytest.param("/{a}/{a:int}", "has the parameter 'a' twice", id="a name twice"),
        pytest.param("/{a:hex}", "a converter 'hex'; there are: str, int, float, uuid, path", id="unknown converter"),
        pytest.param("/{a", "the path '/{a' has a brace without its partner", id="never closed"),
        pytest.param("/a}", "the path '/a}' has a brace without its partner", id="never opened"),
        pytest.param("/{a{b}}", "the path '/{a{b}}' has a brace without its partner", id="nested"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused(pattern, message):
    with pytest.raises(ConfigurationError) as refusal:
        compile_path(pattern)

    assert message in str(refusal.value)


@each_case(
    ("methods", "answered"),
    [
        pytest.param(["GET"], {"GET", "HEAD"}, id="GET includes HEAD"),
        pytest.param(["POST"], {"POST"}, id="POST includes nothing"),
        pytest.param(["get", "Post"], {"GET", "HEAD", "POST"}, id="in any case"),
        pytest.param(iter(["PUT", "PATCH"]), {"PUT", "PATCH"}, id="any iterable"),
        pytest.param(["PURGE"], {"PURGE"}, id="any method"),
    ],
)
def test_methods_are_a_set_in_capitals(methods, answered):
    assert make_route("/", methods, handler).methods == answered


@each_case(
    ("methods", "message"),
    [
        pytest.param("GET", "methods of '/a' is 'GET'; it must be a list of methods, such as ['GET', 'POST']", id="a string"),
        pytest.param([], "methods of '/a' is []; it must hold one HTTP method or more", id="none"),
        pytest.param(["GET", ""], "methods of '/a' is ['', 'GET']; it must hold", id="an empty one"),
        pytest.param(["GET POST"], "methods of '/a' is ['GET POST']; it must hold", id="two in one"),
        pytest.param(["GÉT"], "methods of '/a' is ['GÉT']; it must hold", id="not ASCII"),
    ],
)
def test_methods_that_cannot_work_are_refused(methods, message):
    with pytest.raises((TypeError, ValueError)) as refusal:
        make_route("/a", methods, handler)

    assert message in str(refusal.value)


@each_case(
    ("path", "below"),
    [
        pytest.param("/static", True, id="the prefix itself"),
        pytest.param("/static/", True, id="the prefix with a slash"),
        pytest.param("/static/app.js", True, id="a file"),
        pytest.param("/statics", False, id="a longer name"),
        pytest.param("/", False, id="above"),
        pytest.param("/x/static", False, id="elsewhere"),
    ],
)
def test_what_is_below_a_prefix(path, below):
    assert is_below(path, "/static") is below
