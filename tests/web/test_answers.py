"""Status, headers and cookies of whatever a handler returns; pieces of a page; forms that were not filled in."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import markupsafe
import pytest
import trio

from chirp_trio import (
    HTML,
    OOB,
    App,
    AppConfig,
    EventStream,
    Fragment,
    HTTPError,
    Page,
    Redirect,
    Response,
    Stream,
    Template,
    ValidationError,
)
from chirp_trio.testing import TestClient
from tests.cases import each_case

TEMPLATES = Path(__file__).parent / "templates"
TEXT_HTML = "text/html; charset=utf-8"
HTMX2 = {"HX-Request": "true"}
HTMX4 = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Source": "form"}
TRIGGER = {"HX-Trigger": "saved"}
ITEM = "<li>a</li>"


async def source():
    yield "an event"


def app_that_returns(make, error=None):
    app = App(AppConfig(template_dir=TEMPLATES))

    @app.route("/")
    async def index():
        if error is not None:
            raise error
        return make()

    if error is not None:
        app.error(type(error))(make)
    return app


async def answer(make, error=None, **options):
    async with TestClient(app_that_returns(make, error)) as client:
        return await client.get("/", **options)


VALUES = [
    pytest.param(lambda: Template("item.html", text="a"), TEXT_HTML, ITEM, id="Template"),
    pytest.param(lambda: Fragment("page.html", "list", items=[1]), TEXT_HTML, "<ul><li>1</li></ul>", id="Fragment"),
    pytest.param(
        lambda: Page("page.html", "list", title="T", items=[]), TEXT_HTML, "<html><h1>T</h1><ul></ul></html>", id="Page"
    ),
    pytest.param(lambda: Stream("item.html", text="a"), TEXT_HTML, ITEM, id="Stream"),
    pytest.param(lambda: HTML(ITEM), TEXT_HTML, ITEM, id="HTML"),
    pytest.param(lambda: markupsafe.Markup(ITEM), TEXT_HTML, ITEM, id="Markup"),
    pytest.param(lambda: OOB(Fragment("item.html", text="a")), TEXT_HTML, ITEM, id="OOB"),
    pytest.param(lambda: "<p>", TEXT_HTML, "<p>", id="str"),
    pytest.param(lambda: b"\0", "application/octet-stream", "\0", id="bytes"),
    pytest.param(lambda: {"a": 1}, "application/json", '{"a":1}', id="dict"),
    pytest.param(lambda: [1], "application/json", "[1]", id="list"),
]


@each_case(("make", "content_type", "body"), VALUES)
@each_case(
    "form",
    [
        pytest.param(lambda value: (value, 422, TRIGGER), id="value, status, headers"),
        pytest.param(lambda value: (value, 422, [("HX-Trigger", "saved")]), id="headers as pairs"),
        pytest.param(lambda value: Response(value, 422, TRIGGER), id="Response"),
        pytest.param(lambda value: (Response(value, headers=TRIGGER), 422), id="Response with a status"),
        pytest.param(lambda value: (Response(value, 422), TRIGGER), id="Response with headers"),
    ],
)
async def test_every_value_can_have_a_status_and_headers(make, content_type, body, form):
    response = await answer(lambda: form(make()))

    assert (response.status_code, response.headers["hx-trigger"]) == (422, "saved")
    assert (response.headers["content-type"], response.text.strip("\n")) == (content_type, body)


@each_case(("make", "content_type", "body"), VALUES)
async def test_a_status_alone_or_headers_alone_leave_the_rest(make, content_type, body):
    created, told = await answer(lambda: (make(), 201)), await answer(lambda: (make(), TRIGGER))

    assert (created.status_code, told.status_code, told.headers["hx-trigger"]) == (201, 200, "saved")
    assert created.text.strip("\n") == told.text.strip("\n") == body


@each_case(("make", "content_type", "body"), VALUES)
async def test_an_error_handlers_value_has_the_errors_status_unless_it_says_another(make, content_type, body):
    error = HTTPError(401, headers={"www-authenticate": "Basic"})
    bare, headed, own = [
        await answer(form, error) for form in (make, lambda: (make(), TRIGGER), lambda: (make(), 403, TRIGGER))
    ]

    assert (bare.status_code, headed.status_code, own.status_code) == (401, 401, 403)
    assert bare.headers["www-authenticate"] == headed.headers["www-authenticate"] == "Basic"
    assert headed.headers["hx-trigger"] == "saved"
    assert "www-authenticate" not in own.headers
    assert bare.text.strip("\n") == own.text.strip("\n") == body


async def test_none_with_a_status_is_an_empty_body():
    assert (await answer(lambda: (None, 204, TRIGGER))).headers["hx-trigger"] == "saved"
    assert ((await answer(lambda: (None, 202))).status_code, (await answer(lambda: (None, 202))).content) == (202, b"")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param((), "returned a tuple ()", id="empty"),
        pytest.param(("a",), "returned a tuple (str)", id="one"),
        pytest.param((422, "a"), "returned a tuple (int, str)", id="the status first"),
        pytest.param(("a", "422"), "returned a tuple (str, str)", id="the status as text"),
        pytest.param(("a", True), "returned a tuple (str, bool)", id="bool"),
        pytest.param(("a", TRIGGER, 422), "returned a tuple (str, dict, int)", id="headers first"),
        pytest.param(("a", 200, TRIGGER, 1), "returned a tuple (str, int, dict, int)", id="four"),
        pytest.param((EventStream(source), 201), "of type EventStream in a tuple", id="a stream"),
        pytest.param((object(), 201), "of type object in a tuple", id="no value"),
        pytest.param(("a", 99), "the status of a Response is 99", id="no status"),
        pytest.param(("a", 200, {"x": "a\nb"}), "the header 'x' has the value", id="no header"),
        pytest.param(("a", 200, {"x": 1}), "the header 'x': 1 must be a str and a str", id="a number"),
    ],
)
async def test_a_tuple_that_means_nothing_is_a_500_that_says_so(value, message, caplog):
    response = await answer(lambda: value)

    assert response.status_code == 500
    assert message in str(caplog.records[0].exc_info[1])


async def test_a_redirect_has_headers_and_cookies():
    response = await answer(lambda: Redirect("/there", headers=TRIGGER).set_cookie("a", "1"))

    assert (response.status_code, response.headers["location"], response.headers["hx-trigger"]) == (303, "/there", "saved")
    assert response.headers["set-cookie"].startswith("a=1; ")
    assert (await answer(lambda: (Redirect("/there"), 302))).status_code == 302


# -- cookies --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda: Response("x"), lambda: Redirect("/"), lambda: Response(Template("item.html", text="a"))]
)
async def test_cookies_are_set_in_a_statement_or_in_a_chain(make):
    def statements():
        response = make()
        response.set_cookie("a", "1")
        response.delete_cookie("b")
        return response

    said = (await answer(statements)).headers.get_list("set-cookie")
    chained = (await answer(lambda: make().set_cookie("a", "1").delete_cookie("b"))).headers.get_list("set-cookie")

    assert (
        said
        == chained
        == [
            "a=1; Path=/; HttpOnly; SameSite=lax",
            "b=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=lax",
        ]
    )


@each_case(
    ("options", "header"),
    [
        pytest.param({"max_age": 60}, "a=1; Path=/; Max-Age=60; HttpOnly; SameSite=lax", id="max_age"),
        pytest.param(
            {"expires": datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))},
            "a=1; Path=/; Expires=Wed, 02 Jan 2030 02:04:05 GMT; HttpOnly; SameSite=lax",
            id="expires",
        ),
        pytest.param(
            {"domain": "example.com", "path": "/shop", "secure": True, "httponly": False, "samesite": "none"},
            "a=1; Domain=example.com; Path=/shop; Secure; SameSite=none",
            id="the rest",
        ),
        pytest.param({"path": None, "samesite": None, "httponly": False}, "a=1", id="nothing"),
    ],
)
def test_a_cookie_has_its_attributes(options, header):
    assert Response().set_cookie("a", "1", **options).headers == (("set-cookie", header),)


@each_case(
    ("name", "value", "options", "error", "message"),
    [
        pytest.param("a b", "", {}, ValueError, "the name of a cookie is 'a b'; it must be an HTTP token", id="name"),
        pytest.param("", "", {}, ValueError, "the name of a cookie is ''", id="no name"),
        pytest.param("a", "x; Domain=evil", {}, ValueError, "the value of a cookie is 'x; Domain=evil'", id="semicolon"),
        pytest.param("a", "x\r\nset-cookie: b=1", {}, ValueError, "the value of a cookie is", id="a header in it"),
        pytest.param("a", "a b", {}, ValueError, "encode others, as urllib.parse.quote does", id="space"),
        pytest.param("a", "ü", {}, ValueError, "the value of a cookie is 'ü'", id="not ASCII"),
        pytest.param("a", 5, {}, TypeError, "the value of a cookie is 5; it must be text", id="number"),
        pytest.param("a", "x" * 4096, {}, ValueError, "has 4097 bytes; browsers take 4096 at most", id="long"),
        pytest.param("a", "", {"path": "x"}, ValueError, "the path of a cookie is 'x'", id="path"),
        pytest.param("a", "", {"path": "/;x"}, ValueError, "the path of a cookie is '/;x'", id="semicolon in the path"),
        pytest.param("a", "", {"domain": "a;b"}, ValueError, "the domain of a cookie is 'a;b'", id="domain"),
        pytest.param("a", "", {"max_age": 1.5}, TypeError, "max_age of the cookie 'a' is 1.5", id="max_age"),
        pytest.param("a", "", {"expires": 60}, TypeError, "expires of the cookie 'a' is 60", id="expires"),
        pytest.param("a", "", {"expires": datetime(2030, 1, 1)}, ValueError, "it must have a time zone", id="naive"),
        pytest.param("a", "", {"samesite": "Lax;"}, ValueError, "samesite of the cookie 'a' is 'Lax;'", id="samesite"),
        pytest.param("a", "", {"samesite": "none"}, ValueError, "with secure=True only", id="none without secure"),
        pytest.param(
            "a", "", {"secure": "no"}, TypeError, "secure of the cookie 'a' is 'no'; it must be True or", id="secure"
        ),
        pytest.param("a", "", {"httponly": 0}, TypeError, "httponly of the cookie 'a' is 0; it must be True", id="httponly"),
        pytest.param(
            "a",
            "",
            {"expires": datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))},
            ValueError,
            "it must be a time that UTC has too",
            id="after the end of time",
        ),
        pytest.param("__Secure-a", "", {}, ValueError, "because of how its name begins", id="__Secure-"),
        pytest.param("__Host-a", "", {"secure": True, "path": "/a"}, ValueError, "path='/' and no domain", id="__Host-"),
    ],
)
def test_a_cookie_that_no_browser_would_keep_is_refused_and_changes_nothing(name, value, options, error, message):
    response = Response()

    with pytest.raises(error) as refusal:
        response.set_cookie(name, value, **options)

    assert message in str(refusal.value)
    assert response.headers == ()


async def two_visitors(handler):
    app = App()
    app.route("/{user}")(handler)
    async with TestClient(app) as client:
        return [await client.get(f"/{user}") for user in ("ada", "grace")]


@pytest.mark.parametrize("kind", [Response, lambda: Redirect("/")])
async def test_a_cookie_on_a_shared_response_is_refused(kind, caplog):
    shared = kind()

    async def handler(user):
        return shared.set_cookie("user", user)

    assert [(response.status_code, "set-cookie" in response.headers) for response in await two_visitors(handler)] == [
        (500, False)
    ] * 2
    assert "was made outside of the request that is being answered" in str(caplog.records[0].exc_info[1])


@pytest.mark.parametrize("kind", [lambda: Response("x"), lambda: Redirect("/"), lambda: Response(HTML("x"))])
async def test_a_response_that_is_kept_gives_its_cookies_to_nobody_else(kind, caplog):
    kept = []

    async def handler(user):
        if not kept:
            kept.append(kind().set_cookie("user", user))
        return kept[0]

    first, second = await two_visitors(handler)

    assert first.headers["set-cookie"].startswith("user=ada;")
    assert (second.status_code, "set-cookie" in second.headers) == (500, False)
    assert "has the cookies of another request" in str(caplog.records[0].exc_info[1])


async def test_a_response_that_is_shared_without_cookies_is_everybodys():
    shared = Response("x", headers={"x-a": "1"})
    farewell = Redirect("/").delete_cookie("session")

    async def handler(user):
        return shared if user == "ada" else farewell

    first, second = await two_visitors(handler)
    assert (first.text, second.status_code, second.headers["set-cookie"][:9]) == ("x", 303, "session=;")


async def test_a_plain_handler_sets_cookies_from_its_thread():
    def handler(user):
        return Response(user).set_cookie("user", user)

    assert [response.headers["set-cookie"][:10] for response in await two_visitors(handler)] == ["user=ada; ", "user=grace"]


async def test_logging_in_is_a_page_with_401_and_then_a_cookie(tmp_path):
    (tmp_path / "login.html").write_text("<form>{{ message }}</form>")
    app = App(AppConfig(template_dir=tmp_path))

    @app.error(401)
    async def show_login(error):
        return Template("login.html", message=error.detail)

    @app.route("/login", methods=["POST"])
    async def login(request):
        return Redirect(request.path_for("home")).set_cookie("user", (await request.form())["user"])

    @app.route("/")
    async def home(request):
        if "user" not in request.cookies:
            raise HTTPError(401, "Log in first")
        return f"Hello {request.cookies['user']}"

    async with TestClient(app, follow_redirects=True) as client:
        refused = await client.get("/")
        welcomed = await client.post("/login", data={"user": "ada"})
    assert (refused.status_code, refused.text) == (401, "<form>Log in first</form>")
    assert (welcomed.status_code, welcomed.text) == (200, "Hello ada")


# -- pieces of a page -----------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "shop.html").write_text(
        "<html>{% block items %}<ul><li>{{ n }}</li></ul>{% endblock %}{% block count %}{{ n }}{% endblock %}"
        '{% block total %}<b class="x" id="total">{{ n }}<br></b>{% endblock %}'
        '{% block ready %}<i id="ready" hx-swap-oob="beforeend">{{ n }}</i>{% endblock %}'
        '{% block two %}<b id="two">1</b><b>2</b>{% endblock %}</html>'
    )
    (tmp_path / "row.html").write_text("<tr>\n")

    async def answered(value, headers):
        app = App(AppConfig(template_dir=tmp_path))
        app.route("/")(lambda: value)
        async with TestClient(app) as client:
            return await client.get("/", headers=headers)

    return answered


@pytest.mark.parametrize("headers", [HTMX2, HTMX4], ids=["htmx 2", "htmx 4"])
@pytest.mark.parametrize(
    ("piece", "markup"),
    [
        pytest.param(Fragment("shop.html", "count", n=3), '<div id="count" hx-swap-oob="true">3</div>', id="its block"),
        pytest.param(
            Fragment("shop.html", "count", n=3, target="cart"), '<div id="cart" hx-swap-oob="true">3</div>', id="an id"
        ),
        pytest.param(
            Fragment("shop.html", "count", n=3, target="#cart", swap="innerHTML"),
            '<div id="cart" hx-swap-oob="innerHTML">3</div>',
            id="a selector of an id, and a swap",
        ),
        pytest.param(
            Fragment("shop.html", "count", n=3, target='.cart[x="1"]', swap="beforeend"),
            '<div hx-swap-oob="beforeend:.cart[x=&quot;1&quot;]">3</div>',
            id="another selector",
        ),
        pytest.param(
            Fragment("shop.html", "total", n=3),
            '<b hx-swap-oob="true" class="x" id="total">3<br></b>',
            id="the element itself",
        ),
        pytest.param(
            Fragment("shop.html", "ready", n=3), '<i id="ready" hx-swap-oob="beforeend">3</i>', id="out of band by itself"
        ),
        pytest.param(
            Fragment("shop.html", "two"),
            '<div id="two" hx-swap-oob="true"><b id="two">1</b><b>2</b></div>',
            id="two elements",
        ),
        pytest.param(HTML("<b>", target="#cart"), '<div id="cart" hx-swap-oob="true"><b></div>', id="HTML"),
    ],
)
async def test_pieces_go_out_of_band_behind_the_main_one(shop, piece, markup, headers):
    response = await shop(OOB(Fragment("shop.html", "items", n=1), piece), headers)

    assert (response.status_code, response.text) == (200, f"<ul><li>1</li></ul>\n{markup}")


@pytest.mark.parametrize("headers", [HTMX2, HTMX4], ids=["htmx 2", "htmx 4"])
async def test_who_wants_the_whole_page_gets_no_pieces(shop, headers):
    value = OOB(Page("shop.html", "items", n=1), Fragment("shop.html", "count", n=1))
    whole, part = await shop(value, {}), await shop(value, headers)

    assert whole.text.startswith("<html>")
    assert 'hx-swap-oob="true"' not in whole.text
    assert "HX-Request" in whole.headers["vary"]
    assert part.text == '<ul><li>1</li></ul>\n<div id="count" hx-swap-oob="true">1</div>'


@each_case(
    ("arguments", "error", "message"),
    [
        pytest.param(("<b>",), TypeError, "OOB: main is '<b>'; it must be a Fragment, Page, Template or HTML", id="main"),
        pytest.param((HTML(""), "<b>"), TypeError, "OOB: '<b>' is no piece of a page", id="piece"),
        pytest.param((HTML(""), HTML("<b>")), ValueError, "has no block and no target", id="no target"),
        pytest.param((HTML(""), Fragment("row.html")), ValueError, "has no block and no target", id="no block"),
    ],
)
def test_pieces_that_belong_nowhere_are_refused(arguments, error, message):
    with pytest.raises(error) as refusal:
        OOB(*arguments)

    assert message in str(refusal.value)


@pytest.mark.parametrize("headers", [{}, HTMX2, HTMX4], ids=["a browser", "htmx 2", "htmx 4"])
async def test_a_form_that_was_not_filled_in_is_a_422(shop, headers):
    bare = await shop(ValidationError("shop.html", "count", n="is missing"), headers)
    moved = await shop((ValidationError("shop.html", "count", retarget="#errors", n=1), TRIGGER), headers)
    wrapped = await shop(Response(ValidationError("shop.html", "count", n=1), headers=TRIGGER), headers)

    assert (bare.status_code, bare.text, bare.headers["content-type"]) == (422, "is missing", TEXT_HTML)
    assert "hx-retarget" not in bare.headers
    assert (moved.status_code, moved.headers["hx-retarget"], moved.headers["hx-trigger"]) == (422, "#errors", "saved")
    assert (wrapped.status_code, wrapped.headers["hx-trigger"]) == (422, "saved")


async def test_the_line_break_at_the_end_of_a_file_is_no_text(shop):
    assert (await shop(Fragment("row.html"), {})).text == "<tr>"


async def test_tokens_in_a_file_of_their_own_are_not_cut(tmp_path, autojump_clock):
    (tmp_path / "token.html").write_text("{{ token }}\n")
    (tmp_path / "outer.html").write_text('[{% include "token.html" %}]\n')
    app = App(AppConfig(template_dir=tmp_path))

    @app.route("/")
    async def live():
        async def tokens():
            for token in ("Hel", "lo", "line\n"):
                yield Fragment("token.html", token=token)
            yield Fragment("outer.html", token="x")
            await trio.lowlevel.checkpoint()

        return EventStream(tokens)

    async with TestClient(app) as client:
        result = await client.sse("/")
    assert [event.data for event in result.events] == ["Hel", "lo", "line\n", "[x]"]


def test_a_response_is_a_value_whatever_its_body():
    assert Response({"a": 1}, 201) == Response({"a": 1}, 201)
    assert Response(HTML("x")) == Response(HTML("x"))
    assert Response(Template("a.html")) == Response(Template("a.html"))


@each_case("body", [5, None, ("a", 1), EventStream(source), Redirect("/"), object()], ids=type)
def test_a_body_that_is_none_is_refused_when_it_is_made(body):
    with pytest.raises(TypeError, match="the body of a Response is of type"):
        Response(body)


async def test_a_template_needs_an_app(caplog):
    async with TestClient(Response(Template("a.html"))) as client:
        with pytest.raises(TypeError, match="a Template cannot be sent before it is rendered, which takes an App"):
            await client.get("/")


def test_expires_is_sent_as_utc():
    cookie = Response().set_cookie("a", "1", expires=datetime(2030, 1, 1, tzinfo=UTC)).headers[0][1]

    assert "Expires=Tue, 01 Jan 2030 00:00:00 GMT" in cookie
