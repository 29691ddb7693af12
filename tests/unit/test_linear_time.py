"""Whatever a client sends is read in a time that grows with its length, and not with the square of that."""

from functools import partial

from chirp_trio.stream.client import kind_of_client, last_event_id
from chirp_trio.web.forms import parse_content_type, parse_form, parse_multipart
from chirp_trio.web.multi import Headers
from chirp_trio.web.request import Request, has_unread_body
from chirp_trio.web.routing import CONVERTERS, make_route
from chirp_trio.web.urls import Paths
from tests.cases import each_case
from tests.linear_time import assert_linear

ROUTES = [
    "/{name}",
    "/{rest:path}",
    "/files/{name}.{ext}",
    "/r/{a}-{b}-{c}.html",
    "/{a}{b}{c}",
    "/{a}.{b}.{c}.{d}.{e}",
    "/tree/{a:path}/edit/{b:path}/end",
    "/{a:path}{b:path}{c:path}",
    "/{a:path}-{b}/{c}/end",
    "/{a:path}/{b}-{c}/{d:int}/end",
    "/{a:path}/{b:int}/{c:float}/{d}/end",
    "/{a}/{b}/{c}/{d}/end",
    "/{a:path}/a/b.html",
    *(f"/x{{a:{one}}}{{b:{other}}}/end" for one in CONVERTERS for other in CONVERTERS),
    *(f"/x{{a:{one}}}.{{b:{other}}}-" for one in CONVERTERS for other in CONVERTERS),
]
# Of these a path is made, over and over, below the beginning of the route.
MADE_OF = [".", "-", "/", "a", "1", "/edit/x", "-/", ".html", "1.1-", "/a/1/1.5/", "12345678-9abc-def0-1234-56789abcdef0"]

BOUNDARY = "b"


def part(disposition, header=b""):
    return b'--b\r\ncontent-disposition: form-data; name="a"%b\r\n%b\r\nx\r\n--b--\r\n' % (disposition, header)


def request(headers=(), query=b"", path="/"):
    scope = {"type": "http", "method": "GET", "path": path, "headers": list(headers), "query_string": query, "state": {}}
    return Request(scope, None, paths=Paths(list, lambda _: False), body_limit=2**24, field_limit=2**24)


def read(headers=(), query=b"", path="/"):
    asked = request(headers, query, path)
    return (
        asked.cookies, asked.query, asked.last_event_id, asked.is_fragment, asked.htmx_target, asked.htmx_trigger, asked.url,
        has_unread_body(asked), kind_of_client(asked.scope), last_event_id(asked.scope), asked._content_type(),
    )  # fmt: skip


FORMS = {
    "names": b"a&",
    "nothing": b"&",
    "equals": b"=",
    "pluses": b"+",
    "bytes": b"%41",
    "encoded ampersands": b"%26&",
    "one field": b"a",
    "no bytes": b"%",
}
MULTIPART = {
    "parts": lambda n: b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nx\r\n' * (n // 50) + b"--b--\r\n",
    "beginnings of a boundary": lambda n: part(b"").replace(b"x", b"\r\n--" * n),
    "line breaks": lambda n: part(b"").replace(b"x", b"\r\n" * n),
    "dashes": lambda n: part(b"").replace(b"x", b"-" * n),
    "a preamble": lambda n: b"\r\n" * n + part(b""),
    "headers of a part": lambda n: part(b"", b"a: b\r\n" * n),
    "a long header": lambda n: part(b"", b"a: " + b"b" * n + b"\r\n"),
}
# Of these, over and over, a header's value or a parameter of it is made.
PIECES = [
    b";", b"; ", b'"', b'\\"', b"\\", b'"\\', b"'", b"=", b" ", b"a=b;", b'a="b";', b'";', b'="', b"; filename*=a",
    b"; filename*=''", b"; filename* ", b";a*0=b", b",", b"text/event-stream,", b"a", b"%", b"&", b"a&", b"a=&", b"\xff",
    b"[", b":", b".", b"-", b"a=;", b"=;", b"%41",
]  # fmt: skip
HEADERS = [
    b"accept", b"cookie", b"content-type", b"last-event-id", b"host", b"hx-request", b"hx-target", b"hx-trigger",
    b"hx-source", b"content-length", b"transfer-encoding", b"cache-control",
]  # fmt: skip


@each_case("pattern", ROUTES)
def test_a_path_is_matched_in_linear_time(pattern):
    route = make_route(pattern, ["GET"], print)
    begin = pattern.partition("{")[0]
    for piece in MADE_OF:
        for end in ("", "/", "/end"):
            assert_linear(lambda n, piece=piece, end=end: partial(route.match, begin + piece * (n // len(piece)) + end), 250)


@each_case("piece", FORMS.values(), ids=FORMS)
def test_a_form_is_read_in_linear_time(piece):
    assert_linear(lambda n: partial(parse_form, piece * n, 10**9))


@each_case("make", MULTIPART.values(), ids=MULTIPART)
def test_a_form_in_parts_is_read_in_linear_time(make):
    assert_linear(lambda n: partial(parse_multipart, make(n), BOUNDARY, 10**9))


@each_case("piece", PIECES, ids=repr)
def test_the_headers_of_a_part_are_read_in_linear_time(piece):
    for begin in (b"", b"; filename=", b'; filename="', b"; filename*=", b'; x="'):
        assert_linear(lambda n, begin=begin: partial(parse_multipart, part(begin + piece * n), BOUNDARY, 10**9))


@each_case("piece", PIECES, ids=repr)
def test_the_headers_and_the_query_of_a_request_are_read_in_linear_time(piece):
    for name in HEADERS:
        assert_linear(lambda n, name=name: partial(read, [(name, piece * n)]), 1024)
    assert_linear(lambda n: partial(read, query=piece * n), 1024)
    assert_linear(lambda n: partial(read, query=b"last_event_id=" + piece * n), 1024)
    assert_linear(lambda n: partial(parse_content_type, "multipart/form-data; boundary=" + piece.decode("latin-1") * n))


@each_case("name", HEADERS)
def test_many_headers_are_read_in_linear_time(name):
    assert_linear(lambda n: partial(read, [(name, b"a=b")] * n), 1024)
    assert_linear(lambda n: partial(lambda headers: (dict(headers), len(headers)), Headers([(name, b"a")] * n)), 1024)
