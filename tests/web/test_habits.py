"""What people know from Flask, FastAPI, Starlette and Quart: it works, or the message says what to write instead."""

import pytest

from chirp_trio import App, AppConfig
from chirp_trio.testing import TestClient
from tests.cases import each_case

METHODS = ["get", "post", "put", "patch", "delete"]


@each_case("method", METHODS)
async def test_a_decorator_for_each_method_answers_that_method_alone(method):
    app = App()

    @getattr(app, method)("/things/{id:int}")
    async def answer(id, request):
        return f"{request.method} {id}"

    async with TestClient(app) as client:
        statuses = {each: (await client.request(each.upper(), "/things/7")).status_code for each in METHODS}
        response = await client.request(method.upper(), "/things/7")

    assert response.text == f"{method.upper()} 7"
    assert statuses == {each: 200 if each == method else 405 for each in METHODS}


async def test_several_of_them_may_answer_one_path():
    app = App()

    @app.get("/")
    def show():
        return "shown"

    @app.post("/")
    def add():
        return "added"

    async with TestClient(app) as client:
        assert (await client.get("/")).text == "shown"
        assert (await client.head("/")).status_code == 200
        assert (await client.post("/")).text == "added"


# -- debug mode ---------------------------------------------------------------------------------------------------------


@each_case(("configured", "given", "is_on"), [
    (None, True, True), (None, False, False), (None, None, False),
    (True, None, True), (True, False, False), (False, True, True),
])  # fmt: skip
def test_debug_goes_before_what_the_configuration_says(configured, given, is_on):
    config = None if configured is None else AppConfig(debug=configured, max_form_fields=3)
    app = App(config, debug=given)

    assert app.config.debug is is_on
    assert app.config.max_form_fields == (1000 if config is None else 3)


def test_debug_is_true_or_false():
    with pytest.raises(TypeError, match=r"debug is 1; it must be True, False or None"):
        App(debug=1)


async def test_an_app_in_debug_mode_shows_errors():
    app = App(debug=True)

    @app.get("/")
    async def index():
        raise LookupError("seen")

    async with TestClient(app) as client:
        assert "LookupError: seen" in (await client.get("/")).text


# -- names that others have ---------------------------------------------------------------------------------------------

OF_APPS = {
    "add_middleware": "App(middleware=[Middleware(cls, key=value)])",
    "middleware": "App(middleware=[",
    "before_request": "App(middleware=[...])",
    "include_router": "app.mount('/prefix', other)",
    "register_blueprint": "app.mount('/prefix', other)",
    "exception_handler": "@app.error(404)",
    "errorhandler": "@app.error(404)",
    "on_event": "App(lifespan=...)",
    "add_api_route": "app.route('/path', methods=['GET'])(handler)",
    "websocket": "EventStream",
    "test_client": "chirp_trio.testing.TestClient(app)",
    "url_for": "app.path_for('handler', name=value)",
    "state": "request.state",
    "debug": "App(debug=True)",
    "options": "methods=['OPTIONS']",
    "secret_key": "SessionMiddleware",
}
OF_REQUESTS = {
    "args": "request.query.get('name')",
    "query_params": "request.query.get('name')",
    "get_json": "await request.json()",
    "data": "await request.body()",
    "files": "(await request.form()).files",
    "remote_addr": "request.client[0]",
    "view_args": "request.path_params",
    "is_disconnected": "`finally`",
    "url_for": "request.path_for('handler', name=value)",
    "base_url": "request.url",
}


@each_case(("name", "cure"), OF_APPS.items())
def test_what_an_app_of_others_has_is_told_with_what_there_is_instead(name, cure):
    with pytest.raises(AttributeError) as raised:
        getattr(App(), name)

    assert str(raised.value).startswith(f"an App has no {name!r}: ")
    assert cure in str(raised.value)


@pytest.mark.parametrize(("name", "cure"), OF_REQUESTS.items())
async def test_what_a_request_of_others_has_is_told_with_what_there_is_instead(name, cure, caplog):
    app = App()

    @app.get("/")
    async def index(request):
        return getattr(request, name)

    async with TestClient(app) as client:
        assert (await client.get("/")).status_code == 500

    assert f"AttributeError: a Request has no {name!r}: " in caplog.text
    assert cure in caplog.text


async def test_what_nobody_has_is_missing_without_advice():
    app, seen = App(), []

    @app.get("/")
    async def index(request):
        for thing in (app, request):
            with pytest.raises(AttributeError) as raised:
                thing.zebra  # noqa: B018
            seen.append(str(raised.value))
        return "none"

    async with TestClient(app) as client:
        await client.get("/")

    assert seen == ["an App has no 'zebra'", "a Request has no 'zebra'"]
    assert not hasattr(app, "_zebra")


async def test_the_clients_address_has_names_as_starlettes_has():
    app = App()

    @app.get("/")
    async def index(request):
        return {"host": request.client.host, "port": request.client.port, "pair": list(request.client)}

    async with TestClient(app, client=("192.0.2.1", 5000)) as client:
        assert (await client.get("/")).json() == {"host": "192.0.2.1", "port": 5000, "pair": ["192.0.2.1", 5000]}


@each_case(("option", "cure"), {
    "debug": "App(debug=True)",
    "reload": "chirp-trio run --reload",
    "workers": "--workers 2",
    "log_level": "--log-level",
    "ssl_certfile": "certfile=...",
    "uds": "bind='unix:/run/app.sock'",
    "proxy_headers": "trusted_proxies",
}.items())  # fmt: skip
def test_an_option_of_other_servers_is_told_with_what_there_is_instead(option, cure):
    with pytest.raises(TypeError) as raised:
        App().run(**{option: True})

    assert str(raised.value).startswith(f"app.run() has no {option!r}: ")
    assert cure in str(raised.value)


def test_a_name_for_the_app_is_told_to_be_unnecessary():
    with pytest.raises(TypeError, match="an app needs no name"):
        App(__name__)
