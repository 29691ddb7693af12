"""The names that an app answers for."""

import pytest

from chirp_trio import App, AppConfig, ConfigurationError
from chirp_trio.testing import TestClient
from tests.cases import each_case


def app_for(hosts):
    app = App(AppConfig(hosts=hosts))

    async def inner(scope, receive, send):
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"private"})

    app.mount("/mounted", inner)

    @app.route("/")
    def page():
        return "private"

    return app


async def answer(hosts, host, path="/"):
    async with TestClient(app_for(hosts), base_url="http://192.168.1.5") as client:
        return await client.get(path, headers={"host": host})


OWN = ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "0.0.0.0:8000", "192.168.1.5", "192.168.1.5:8000"]
FOREIGN = ["evil.example", "evil.example:8000", "localhost.evil.example", "192.168.1.6", "", "a b", "localhost@evil.example"]


@each_case("path", ["/", "/mounted/", "/nowhere"])
@each_case("host", FOREIGN)
async def test_a_host_that_the_app_does_not_have_gets_a_421_and_nothing_else(host, path):
    response = await answer((), host, path)
    assert response.status_code == 421
    assert "private" not in response.text


@each_case("path", ["/", "/mounted/"])
@each_case("host", OWN)
async def test_this_machine_and_the_address_of_the_connection_are_always_answered(host, path):
    assert (await answer((), host, path)).text == "private"


@pytest.mark.parametrize("hosts", ["shop.example", ["a.example", "Shop.Example"], "*"])
async def test_so_are_the_hosts_that_are_named(hosts):
    assert (await answer(hosts, "SHOP.example:8000")).text == "private"


async def test_any_host_is_answered_where_none_was_asked_for():
    async with TestClient(App()) as client:
        assert (await client.get("/", headers={"host": "evil.example"})).status_code == 404


@pytest.mark.parametrize(("host", "sent"), [("evil.example", "websocket.close"), ("localhost", "websocket.accept")])
async def test_a_websocket_is_refused_in_the_same_way(host, sent):
    messages = []

    async def send(message):
        messages.append(message["type"])

    headers = [(b"host", host.encode())]
    scope = {"type": "websocket", "path": "/mounted/", "root_path": "", "query_string": b"", "headers": headers}
    await app_for(())(scope, None, send)
    assert messages == [sent]


SETTINGS = pytest.mark.parametrize("setting", ["hosts", "debug_hosts"])


@SETTINGS
@pytest.mark.parametrize(
    "hosts", ["localhost:8000", "http://a.example", "", "a b", "::1", "*.example.com", ["a.example", "b/c"]]
)
def test_what_is_no_name_of_a_host_is_refused(setting, hosts):
    with pytest.raises(
        ConfigurationError, match=f"{setting} has .*; it must be the name or address of a host without a port"
    ):
        AppConfig(**{setting: hosts})


@SETTINGS
@pytest.mark.parametrize("hosts", [1, None, [b"localhost"]])
def test_what_is_no_text_is_refused(setting, hosts):
    with pytest.raises(TypeError, match=f"{setting} is .*; it must be the name of a host, or several"):
        AppConfig(**{setting: hosts})
