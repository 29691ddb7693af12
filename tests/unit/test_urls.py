"""Which routes a URL with holes can reach."""

from chirp_trio.checking.urls import overlap, path_of
from chirp_trio.markup import HOLE
from tests.cases import each_case


@each_case(
    ("path", "pattern"),
    [
        ("/a", "/a"),
        ("/a/7", "/a/{id:int}"),
        (f"/a/{HOLE}", "/a/{id}"),
        (f"/a/x{HOLE}", "/a/{id}"),
        (f"/a/{HOLE}x", "/a/{id}"),
        (f"/a/{HOLE}", "/a/b"),
        (f"/{HOLE}/b", "/{x}/{y}"),
        (f"/{HOLE}", "/a/b/c"),
        (f"/{HOLE}", "/"),
        ("/a/b/c", "/{rest:path}"),
        (f"/a/{HOLE}/c", "/a/{rest:path}"),
        (f"/{HOLE}{HOLE}/c", "/{x}-{y}/c"),
    ],
)
def test_a_path_and_a_pattern_that_have_something_in_common(path, pattern):
    assert overlap(path, pattern)


@each_case(
    ("path", "pattern"),
    [
        ("/a", "/b"),
        ("/a", "/a/"),
        ("/a/", "/a/{id}"),
        ("/a/b/c", "/a/{id}"),
        (f"/a/{HOLE}", "/b/{id}"),
        (f"/a/b/{HOLE}", "/a/{id}"),
        (f"/{HOLE}/b", "/{x}/c"),
        ("/", "/{rest:path}"),
    ],
)
def test_a_path_and_a_pattern_that_have_nothing_in_common(path, pattern):
    assert not overlap(path, pattern)


@each_case(
    ("url", "root_path", "path"),
    [
        ("/a?b#c", "", "/a"),
        ("/a#b?c", "", "/a"),
        ("/caf%C3%A9", "", "/café"),
        ("/shop/a", "/shop", "/a"),
        ("/shop", "/shop", "/"),
        ("/shops/a", "/shop", "/shops/a"),
        (f"/a{HOLE}&b", "", f"/a{HOLE}"),
        (f"/{HOLE}/b", "", f"/{HOLE}/b"),
        ("a", "", None),
        ("", "", None),
        ("//host/a", "", None),
        ("/\\host/a", "", None),
        ("/a/../b", "", None),
        ("https://host/a", "", None),
        (f"{HOLE}/a", "", None),
    ],
)
def test_the_path_of_a_url(url, root_path, path):
    assert path_of(url, root_path) == path
