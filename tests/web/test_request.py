"""A request as a handler sees it: its URL, its headers, its client, and what htmx says in it."""

import pytest

from chirp_trio import App
from chirp_trio.testing import TestClient
from tests.cases import each_case


async def seen(attribute, *, path="/", client=("127.0.0.1", 50000), **options):
    """What a handler sees of a request: `attribute` is a function of it."""
    found = []
    app = App()

    @app.route("/{rest:path}", methods=["GET", "POST"])
    @app.route("/", methods=["GET", "POST"])
    async def look(request):
        found.append(attribute(request))

    async with TestClient(app, client=client) as test_client:
        response = await test_client.request(options.pop("method", "GET"), path, **options)
    assert response.status_code == 204
    return found[0]


# -- the URL ------------------------------------------------------------------------------------------------------------


async def test_the_method_and_the_path():
    assert await seen(lambda request: request.method, method="POST") == "POST"
    assert await seen(lambda request: request.path, path="/a%20b/%E2%98%83?c=d") == "/a b/☃"


async def test_the_repr_says_what_was_asked_for():
    assert await seen(repr, path="/a") == "<Request GET /a>"


@each_case(
    ("query", "pairs"),
    [
        pytest.param("", [], id="none"),
        pytest.param("?", [], id="empty"),
        pytest.param("?a=1&b=2", [("a", ["1"]), ("b", ["2"])], id="two"),
        pytest.param("?a=1&b=2&a=3", [("a", ["1", "3"]), ("b", ["2"])], id="one twice"),
        pytest.param("?a=&b", [("a", [""]), ("b", [""])], id="without values"),
        pytest.param("?a+b=c%2Bd%20e", [("a b", ["c+d e"])], id="plus and percent"),
        pytest.param("?%C3%BC=%E2%98%83", [("ü", ["☃"])], id="UTF-8"),
        pytest.param("?a=%FF", [("a", ["\ufffd"])], id="not UTF-8"),
    ],
)
async def test_the_query_has_every_value_of_a_parameter(query, pairs):
    assert await seen(lambda request: [(key, request.query.get_all(key)) for key in request.query], path=f"/{query}") == pairs


async def test_indexing_the_query_gives_the_first_value():
    assert await seen(lambda request: request.query["a"], path="/?a=1&a=2") == "1"


# -- headers, cookies, client -------------------------------------------------------------------------------------------


async def test_headers_are_found_in_any_case_and_all_of_them():
    headers = [("X-Tag", "a"), ("x-tag", "b")]

    assert await seen(lambda request: request.headers["X-TAG"], headers=headers) == "a"
    assert await seen(lambda request: request.headers.get_all("x-tag"), headers=headers) == ["a", "b"]


@each_case(
    ("headers", "cookies"),
    [
        pytest.param([], {}, id="none"),
        pytest.param(["a=1; b=2"], {"a": "1", "b": "2"}, id="two"),
        pytest.param(["a=1", "b=2"], {"a": "1", "b": "2"}, id="in two headers"),
        pytest.param(["a=1; a=2"], {"a": "1"}, id="the first of one name"),
        pytest.param(["a=1;b=2;;"], {"a": "1", "b": "2"}, id="without spaces"),
        pytest.param(["a=b=c"], {"a": "b=c"}, id="an equals sign in a value"),
        pytest.param(['a="1 2"; b="'], {"a": "1 2", "b": '"'}, id="quoted"),
        pytest.param(['a=""'], {"a": ""}, id="nothing, quoted"),
        pytest.param(["a=; b"], {"a": ""}, id="empty, and no pair"),
    ],
)
async def test_the_cookies_by_name(headers, cookies):
    sent = [("cookie", header) for header in headers]

    assert await seen(lambda request: dict(request.cookies), headers=sent) == cookies


async def test_the_client_is_an_address_and_a_port():
    assert await seen(lambda request: request.client, client=("2001:db8::7", 443)) == ("2001:db8::7", 443)


@pytest.mark.parametrize("client", [None, ()], ids=repr)
async def test_a_client_without_an_address_is_none(client):
    assert await seen(lambda request: request.client, client=client) is None


# -- event streams ------------------------------------------------------------------------------------------------------


def last_event_id(request):
    return request.last_event_id


@each_case(
    ("query", "header", "id"),
    [
        pytest.param("", None, None, id="a fresh client"),
        pytest.param("", b"evt-42", "evt-42", id="header"),
        pytest.param("?last_event_id=evt-42", None, "evt-42", id="query"),
        pytest.param("?last_event_id=old", b"new", "new", id="the header wins"),
        pytest.param("", "größe ☃".encode(), "größe ☃", id="header in UTF-8"),
        pytest.param("?last_event_id=gr%C3%B6%C3%9Fe", None, "größe", id="query in UTF-8"),
        pytest.param("", b"\xff\xfe", "\ufffd\ufffd", id="header in no known charset"),
        pytest.param("", b"", "", id="header without an id"),
    ],
)
async def test_the_last_event_id(query, header, id):
    headers = {} if header is None else {"last-event-id": header}

    assert await seen(last_event_id, path=f"/{query}", headers=headers) == id


async def test_the_last_event_id_of_a_client_that_reconnects():
    found = []
    app = App()

    @app.route("/")
    async def look(request):
        found.append(request.last_event_id)

    async with TestClient(app) as client:
        await client.sse("/", last_event_id="evt-42")

    assert found == ["evt-42"]


# -- htmx ---------------------------------------------------------------------------------------------------------------

HTMX2 = {"HX-Request": "true", "HX-Target": "panel", "HX-Trigger": "button"}
HTMX4 = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#panel", "HX-Source": "button#button"}
generations = pytest.mark.parametrize("headers", [HTMX2, HTMX4], ids=["htmx 2", "htmx 4"])


@each_case(
    ("headers", "is_fragment"),
    [
        pytest.param({}, False, id="a browser"),
        pytest.param(HTMX2, True, id="htmx 2"),
        pytest.param(HTMX4, True, id="htmx 4"),
        pytest.param({"HX-Request": "false"}, False, id="not htmx"),
        pytest.param({**HTMX2, "HX-Boosted": "true"}, False, id="htmx 2, a boosted link"),
        pytest.param({**HTMX4, "HX-Boosted": "true", "HX-Request-Type": "full"}, False, id="htmx 4, a boosted link"),
        pytest.param({**HTMX4, "HX-Request-Type": "full"}, False, id="htmx 4, a whole page"),
        pytest.param({**HTMX2, "HX-History-Restore-Request": "true"}, False, id="htmx 2, from history"),
        pytest.param({**HTMX4, "HX-History-Restore-Request": "true"}, False, id="htmx 4, from history"),
    ],
)
async def test_whether_htmx_asks_for_a_piece(headers, is_fragment):
    assert await seen(lambda request: request.is_fragment, headers=headers) is is_fragment


@generations
async def test_whether_htmx_restores_a_page(headers):
    restoring = {**headers, "HX-History-Restore-Request": "true"}

    assert await seen(lambda request: request.is_history_restore, headers=headers) is False
    assert await seen(lambda request: request.is_history_restore, headers=restoring) is True


@generations
async def test_the_ids_of_htmxs_elements(headers):
    assert await seen(lambda request: [request.htmx_target, request.htmx_trigger], headers=headers) == ["panel", "button"]


async def test_a_browser_names_no_elements():
    assert await seen(lambda request: [request.htmx_target, request.htmx_trigger]) == [None, None]


async def test_an_element_without_an_id_is_not_named_by_htmx_2():
    assert await seen(lambda request: request.htmx_target, headers={"HX-Request": "true", "HX-Target": ""}) is None


@pytest.mark.parametrize("attribute", ["htmx_target", "htmx_trigger"])
async def test_an_element_without_an_id_is_not_named_by_htmx_4(attribute):
    headers = {**HTMX4, "HX-Target": "div", "HX-Source": "button"}

    assert await seen(lambda request: getattr(request, attribute), headers=headers) is None


async def test_an_id_that_htmx_4_has_encoded_is_decoded():
    headers = {**HTMX4, "HX-Target": "div#gr%C3%B6%C3%9Fe"}

    assert await seen(lambda request: request.htmx_target, headers=headers) == "größe"
