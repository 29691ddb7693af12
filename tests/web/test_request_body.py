"""A request's body: what it is read as, and what is refused with which status."""

import pytest

from chirp_trio import App, AppConfig, HTTPError
from chirp_trio.testing import TestClient
from tests.cases import each_case

FORM = {"content-type": "application/x-www-form-urlencoded"}


def app_that(read, *, limit=1000):
    """An app that answers POST with what `read` makes of the request."""
    app = App(AppConfig(max_body_size=limit))

    @app.route("/", methods=["POST"])
    async def answer(request):
        return [await read(request)]

    return app


async def answered(read, content, *, limit=1000, **options):
    async with TestClient(app_that(read, limit=limit)) as client:
        return await client.post("/", content=content, **options)


def refused(response):
    """The status, and the one sentence in the page."""
    return response.status_code, response.text.rpartition("<p>")[2].partition("</p>")[0]


async def body_text(request):
    return (await request.body()).decode()


async def text(request):
    return await request.text()


async def json(request):
    return await request.json()


async def form(request):
    fields = await request.form()
    return {name: fields.get_all(name) for name in fields}


# -- what it is read as -------------------------------------------------------------------------------------------------


@each_case(
    ("read", "content", "content_type", "value"),
    [
        pytest.param(body_text, b"as it is", None, "as it is", id="bytes"),
        pytest.param(body_text, b"", None, "", id="nothing"),
        pytest.param(text, "Zürich".encode(), None, "Zürich", id="text is UTF-8"),
        pytest.param(text, b"Z\xfcrich", "text/plain; charset=ISO-8859-1", "Zürich", id="text in its charset"),
        pytest.param(text, b"Z\xfcrich", 'text/plain; a=b; Charset="latin1"', "Zürich", id="charset in quotes"),
        pytest.param(json, b'{"a": [1, null]}', "application/json", {"a": [1, None]}, id="JSON"),
        pytest.param(json, b"1", None, 1, id="JSON of no type"),
        pytest.param(form, b"a=1&b=x+y&a=2", FORM["content-type"], {"a": ["1", "2"], "b": ["x y"]}, id="form"),
        pytest.param(form, b"a=1", "Application/X-WWW-Form-Urlencoded ; charset=utf-8", {"a": ["1"]}, id="form, any case"),
    ],
)
async def test_a_body_is_what_the_handler_asks_for(read, content, content_type, value):
    headers = {} if content_type is None else {"content-type": content_type}

    assert (await answered(read, content, headers=headers)).json() == [value]


async def test_a_body_may_be_read_again_and_in_another_way():
    async def read(request):
        return [await request.json(), await request.text(), await body_text(request), await request.json()]

    assert (await answered(read, b"[1]")).json() == [[[1], "[1]", "[1]", [1]]]


# -- what is refused ----------------------------------------------------------------------------------------------------


@each_case(
    ("read", "content", "headers", "status", "sentence"),
    [
        pytest.param(text, b"a\xff", {}, 400, "the request body is not utf-8: invalid start byte at byte 1", id="text"),
        pytest.param(
            text,
            b"a",
            {"content-type": "text/plain; charset=klingon"},
            415,
            "the charset of the request body is &#x27;klingon&#x27;; it must be UTF-8, US-ASCII, ISO-8859-1, Windows-1252 or "
            "UTF-16",
            id="charset",
        ),
        pytest.param(
            json, b'{"a":\n  ]}', {}, 400, "the request body is not JSON: Expecting value at line 2, column 3", id="JSON"
        ),
        pytest.param(
            form, b"a=1&b=%", FORM, 400, "the form&#x27;s field 2 holds &#x27;%&#x27;, which encodes no byte", id="form"
        ),
        pytest.param(
            form,
            b"a=1",
            {"content-type": "multipart/form-data; boundary=x"},
            400,
            "the form is malformed: Expected boundary character 45, got 97 at index 2",
            id="multipart",
        ),
        pytest.param(
            form,
            b"a=1",
            {"content-type": "multipart/form-data"},
            400,
            "the form is sent as multipart/form-data, without a boundary",
            id="multipart without a boundary",
        ),
        pytest.param(
            form,
            b"a=1",
            {"content-type": "text/csv"},
            415,
            "the form is sent as &#x27;text/csv&#x27;; it must be application/x-www-form-urlencoded or multipart/form-data",
            id="no form",
        ),
        pytest.param(
            form,
            b"a=1",
            {},
            415,
            "the form is sent as &#x27;nothing&#x27;; it must be application/x-www-form-urlencoded or multipart/form-data",
            id="form of no type",
        ),
    ],
)
async def test_a_body_that_is_not_what_it_should_be_is_refused_with_where(read, content, headers, status, sentence):
    assert refused(await answered(read, content, headers=headers)) == (status, sentence)


async def test_a_body_as_large_as_the_limit_is_read():
    assert (await answered(body_text, b"x" * 10, limit=10)).json() == ["x" * 10]


@each_case(
    "headers",
    [
        pytest.param({}, id="that says its length"),
        pytest.param({"content-length": "1"}, id="that says too little"),
        pytest.param({"content-length": "many"}, id="that says nonsense"),
        pytest.param({"transfer-encoding": "chunked"}, id="that says nothing"),
    ],
)
async def test_a_body_over_the_limit_is_refused(headers):
    response = await answered(body_text, b"x" * 11, limit=10, headers=headers)

    assert refused(response) == (413, "the request body is larger than 10 bytes")


async def test_a_body_may_have_a_mebibyte_by_default():
    app = App()

    @app.route("/", methods=["POST"])
    async def answer(request):
        return [len(await request.body())]

    async with TestClient(app) as client:
        assert (await client.post("/", content=b"x" * 2**20)).json() == [2**20]
        assert (await client.post("/", content=b"x" * (2**20 + 1))).status_code == 413


async def test_a_limit_of_nothing_allows_no_body():
    assert (await answered(body_text, b"", limit=0)).status_code == 200
    assert (await answered(body_text, b"x", limit=0)).status_code == 413


async def test_an_error_from_a_body_may_be_handled_by_the_handler():
    async def read(request):
        try:
            return await request.json()
        except HTTPError as error:
            return error.detail

    assert (await answered(read, b"")).json() == ["the request body is not JSON: Expecting value at line 1, column 1"]


@pytest.mark.parametrize(("config", "most"), [(AppConfig(), 1000), (AppConfig(max_form_fields=2), 2)])
async def test_a_form_may_have_as_many_fields_and_files_as_the_app_says(config, most):
    app = App(config)

    @app.route("/", methods=["POST"])
    async def count(request):
        form = await request.form()
        return [len(form), len(form.files)]

    async with TestClient(app) as client:
        for number, status in ((most, 200), (most + 1, 413)):
            fields = {f"a{index}": "" for index in range(number - 1)}
            assert (await client.post("/", data={**fields, "file": ""})).status_code == status
            response = await client.post("/", data=fields, files={"file": ("a.txt", b"a")})
            assert response.status_code == status
            if status == 200:
                assert response.json() == [most - 1, 1]
