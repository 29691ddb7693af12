"""Debug mode: who is shown the insides of an app, and who is not."""

from contextlib import asynccontextmanager

from chirp_trio import App, AppConfig, EventStream
from chirp_trio.testing import TestClient
from tests.cases import each_case

SECRET = "the password is hunter2"


def failing_app(**config):
    app = App(AppConfig(debug=True, **config))

    @app.route("/page")
    async def page():
        raise LookupError(SECRET)

    @app.route("/live")
    async def live():
        async def source():
            yield "one"
            raise LookupError(SECRET)

        return EventStream(source)

    return app


KINDS = {
    "a page": ("/page", {}),
    "a piece of a page": ("/page", {"hx-request": "true"}),
    "JSON": ("/page", {"accept": "application/json"}),
    "a stream": ("/live", {}),
}


@asynccontextmanager
async def asking(kind, *, client=("127.0.0.1", 50000), **config):
    """Gives what asks for an error in a way, and returns the answer's text."""
    path, wanted = KINDS[kind]
    async with TestClient(failing_app(**config), client=client, raise_stream_errors=False) as user:

        async def seen(headers=(), *, host="localhost:8000"):
            return (await user.get(path, headers={**wanted, "host": host, **dict(headers)})).text

        yield seen


async def seen(kind, headers=(), *, host="localhost:8000", **options):
    async with asking(kind, **options) as ask:
        return await ask(headers, host=host)


every_kind = each_case("kind", KINDS)

LOCAL = [
    "localhost",
    "LOCALHOST:8000",
    "127.0.0.1",
    "0.0.0.0:8000",
    "[::]",
    "127.0.0.1:8000",
    "127.0.0.2",
    "[::1]",
    "[::1]:8000",
]
FOREIGN = [
    "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.5", "localhost.", "",
    "localhost@evil.example", "evil.example#localhost", "[::2]", "[localhost]", "localhost:80:80", "0", "\xb9\xb2\xb7.0.0.1",
    "localhost, evil.example",
]  # fmt: skip


@every_kind
@each_case("client", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_sees_errors_under_its_own_names(autojump_clock, kind, client):
    async with asking(kind, client=(client, 50000)) as ask:
        shown = {host: await ask(host=host) for host in LOCAL}
    assert [host for host, answer in shown.items() if SECRET not in answer] == []


@every_kind
async def test_a_name_that_leads_here_from_elsewhere_shows_nobody_an_error(autojump_clock, kind, caplog):
    async with asking(kind) as ask:
        for host in FOREIGN:
            caplog.clear()
            answer = await ask(host=host.encode("latin-1"))

            assert (host, SECRET in answer, "LookupError" in answer) == (host, False, False)
            assert SECRET in caplog.text, host  # where whoever runs the app sees it


OTHERS = ["203.0.113.9", "192.168.1.5", "172.17.0.1", "::2", "fe80::1", "localhost", ""]


@every_kind
async def test_another_machine_sees_none_whatever_host_it_asks_for(autojump_clock, kind):
    shown = {client: await seen(kind, client=(client, 50000)) for client in OTHERS}
    assert [client for client, answer in shown.items() if SECRET in answer] == []


@every_kind
async def test_a_client_without_an_address_sees_none(autojump_clock, kind):
    assert SECRET not in await seen(kind, client=None)


@every_kind
@each_case("name", ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"])
async def test_what_a_proxy_passes_on_shows_none(autojump_clock, kind, name):
    assert SECRET not in await seen(kind, {name: "127.0.0.1"})


@every_kind
async def test_two_hosts_are_none(autojump_clock, kind):
    path, wanted = KINDS[kind]
    async with TestClient(failing_app(), raise_stream_errors=False) as user:
        answer = await user.get(path, headers=[*wanted.items(), ("host", "localhost"), ("host", "evil.example")])
    assert SECRET not in answer.text


@every_kind
async def test_tests_see_them(autojump_clock, kind):
    assert SECRET in await seen(kind, host="testserver")


@every_kind
@each_case(
    ("hosts", "host"),
    [
        ("dev.example.com", "Dev.Example.com:8000"),
        (["one.example", "192.168.1.5"], "192.168.1.5:8000"),
        ({"[2001:db8::5]"}, "[2001:db8::5]"),
        ("*", "any.example"),
        ("*", "?"),
    ],
)
async def test_everybody_sees_them_under_a_name_that_was_asked_for(autojump_clock, kind, hosts, host):
    assert SECRET in await seen(kind, {"via": "a proxy"}, client=("203.0.113.9", 50000), host=host, debug_hosts=hosts)


@every_kind
async def test_other_names_still_show_none(autojump_clock, kind):
    answer = await seen(kind, client=("203.0.113.9", 50000), host="evil.example", debug_hosts=["dev.example.com"])
    assert SECRET not in answer


async def test_without_debug_mode_no_name_shows_any(autojump_clock):
    app = App(AppConfig(debug_hosts="*"))

    @app.route("/")
    async def page():
        raise LookupError(SECRET)

    async with TestClient(app) as user:
        assert SECRET not in (await user.get("/")).text


async def test_the_log_says_why_a_client_was_not_shown_an_error(caplog):
    await seen("a page", client=("203.0.113.9", 50000), host="evil.example")
    (record,) = [record for record in caplog.records if "debug_hosts" in record.message]
    assert (record.levelname, record.name) == ("WARNING", "chirp_trio.web")
    assert record.message.endswith("this one came from 203.0.113.9, and asked for evil.example")


async def test_it_says_nothing_of_the_kind_where_the_error_was_shown(caplog):
    await seen("a page")
    assert "debug_hosts" not in caplog.text
