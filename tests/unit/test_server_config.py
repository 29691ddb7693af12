"""What the server can be told, and what it refuses to be told."""

import dataclasses
import socket

import pytest

from chirp_trio import ConfigurationError, ServerConfig
from chirp_trio.cli.run import command
from tests.cases import each_case

ADDRESSES = ["127.0.0.1:8000", "0.0.0.0:0", "localhost:80", "[::1]:65535", "[fe80::1%eth0]:1", "unix:app.sock", "fd://3"]


@each_case("address", ADDRESSES)
def test_an_address_is_kept_as_it_is(address):
    assert ServerConfig(bind=address).bind == ServerConfig(bind=address).addresses == (address,)


def test_several_addresses_are_kept_in_their_order():
    assert ServerConfig(bind=ADDRESSES).addresses == tuple(ADDRESSES)


@each_case(
    ("settings", "address"),
    [
        pytest.param({}, "127.0.0.1:8000", id="nothing"),
        pytest.param({"host": "::1", "port": 0}, "[::1]:0", id="IPv6"),
        pytest.param({"host": "example.org"}, "example.org:8000", id="a name"),
    ],
)
def test_without_bind_it_is_host_and_port(settings, address):
    assert ServerConfig(**settings).addresses == (address,)


@each_case(
    "address",
    [
        *["", "8000", ":8000", "127.0.0.1", "::1:8000", "[]:8000", "[::1]", "127.0.0.1:65536", "127.0.0.1:-1", "a b:1"],
        *["127.0.0.1:٣", "127.0.0.1:80\n", "http://127.0.0.1:8000", "unix:", "unix:a\0b", "fd://", "fd://x", "fd://-1", 8000],
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ConfigurationError) as refusal:
        ServerConfig(bind=[address])

    assert str(refusal.value) == (
        f"bind has {address!r}; it must be like '127.0.0.1:8000', '[::1]:8000', 'unix:/run/app.sock' or 'fd://3'"
    )


REFUSED = {
    "a number for bind": ({"bind": 8000}, "bind is 8000; it must be a text or a sequence of texts"),
    "bytes for bind": ({"bind": b"fd://3"}, "bind is b'fd://3'; it must be a text or a sequence of texts"),
    "bind and port": (
        {"bind": "fd://3", "port": 80},
        "bind is 'fd://3', and host and port are '127.0.0.1:80'; give the one or the other",
    ),
    "bind and host": (
        {"bind": ["[::1]:1", "fd://3"], "host": "::"},
        "bind is '[::1]:1, fd://3', and host and port are '[::]:8000'; give the one or the other",
    ),
    "an empty host": ({"host": ""}, "host is ''; it must be an address or a name, such as '127.0.0.1'"),
    "a URL as host": ({"host": "http://a"}, "host is 'http://a'; it must be an address or a name, such as '127.0.0.1'"),
    "a host in brackets": ({"host": "[::1]"}, "host is '[::1]'; it must be an address or a name, such as '127.0.0.1'"),
    "True as port": ({"port": True}, "port is True; it must be a number from 0 to 65535"),
    "a port too large": ({"port": 65536}, "port is 65536; it must be a number from 0 to 65535"),
    "a negative graceful_timeout": (
        {"graceful_timeout": -1},
        "graceful_timeout is -1; it must be a number of seconds, zero or more",
    ),
    "a negative shutdown_timeout": (
        {"shutdown_timeout": -0.1},
        "shutdown_timeout is -0.1; it must be a number of seconds, zero or more",
    ),
    "a startup_timeout of nothing": (
        {"startup_timeout": 0},
        "startup_timeout is 0; it must be a number of seconds, one or more, or None",
    ),
    "half a certificate": ({"certfile": __file__}, "only certfile is given; TLS needs certfile and keyfile"),
    "a certificate that is not there": (
        {"certfile": "no.pem", "keyfile": "no.pem"},
        "certfile is 'no.pem'; there is no such file",
    ),
    "a line break in server_header": (
        {"server_header": "a\nb"},
        "server_header cannot be sent: the header 'server' has the value 'a\\nb'",
    ),
}


@each_case("case", REFUSED)
def test_what_cannot_work_is_refused_with_what_can(case):
    settings, message = REFUSED[case]

    with pytest.raises((TypeError, ValueError)) as refusal:
        ServerConfig(**settings)

    assert str(refusal.value).startswith(message)


TIMEOUTS = ["handshake_timeout", "head_timeout", "body_timeout", "keep_alive_timeout", "write_timeout"]


@each_case("name", TIMEOUTS)
@each_case("value", [0, 0.5, -1, float("inf"), float("nan"), True, "10", None], ids=repr)
def test_a_timeout_is_a_second_or_more(name, value):
    error = ConfigurationError if type(value) in (int, float) else TypeError
    with pytest.raises(error) as refusal:
        ServerConfig(**{name: value})

    assert str(refusal.value) == f"{name} is {value!r}; it must be a number of seconds, one or more"


@each_case("name", ["max_connections", "max_connections_per_client"])
@each_case("value", [0, -1, 1.5, True, None, "10"], ids=repr)
def test_a_number_of_connections_is_one_or_more(name, value):
    with pytest.raises((TypeError, ValueError)) as refusal:
        ServerConfig(**{name: value})

    assert str(refusal.value) == f"{name} is {value!r}; it must be a whole number, one or more"


@each_case("name", ["reuse_port", "http2", "http2_cleartext", "access_log"])
def test_a_switch_is_on_or_off(name):
    with pytest.raises(TypeError) as refusal:
        ServerConfig(**{name: "no"})

    assert str(refusal.value) == f"{name} is 'no'; it must be True or False"


def test_sharing_a_port_is_refused_where_the_system_cannot(monkeypatch):
    monkeypatch.delattr(socket, "SO_REUSEPORT", raising=False)

    with pytest.raises(ConfigurationError, match="no SO_REUSEPORT"):
        ServerConfig(reuse_port=True)


@each_case(
    ("given", "kept"), [("", ""), ("/", ""), ("/shop", "/shop"), ("/shop/", "/shop"), ("/a/b", "/a/b"), ("/größe", "/größe")]
)
def test_a_prefix_has_no_slash_at_its_end(given, kept):
    assert ServerConfig(root_path=given).root_path == kept


@each_case("given", ["shop", "/a b", "/a?b", "/a#b", "//", None, 5], ids=repr)
def test_a_prefix_that_is_no_path_is_refused(given):
    with pytest.raises((TypeError, ValueError), match="it must be a path such as '/shop', or ''"):
        ServerConfig(root_path=given)


@each_case("proxies", ["10.0.0.1", ["10.0.0.0/8", "::1", "unix"], ()])
def test_trusted_proxies_are_kept_as_they_are(proxies):
    assert ServerConfig(trusted_proxies=proxies).trusted_proxies == (
        (proxies,) if isinstance(proxies, str) else tuple(proxies)
    )


@each_case("proxy", ["", "*", "localhost", "10.0.0.1/8", "10.0.0.1:80", "10.0.0", 167772161, None])
def test_a_trusted_proxy_that_is_no_address_is_refused(proxy):
    with pytest.raises(ConfigurationError) as refusal:
        ServerConfig(trusted_proxies=[proxy])

    assert f"trusted_proxies has {proxy!r}; it must be an address such as '10.0.0.1'" in str(refusal.value)


def test_the_command_line_has_every_setting_with_the_same_default():
    options = command.make_context("run", []).params
    renamed = {"http2": ("no_http2", False), "trusted_proxies": ("trusted_proxy", ()), "access_log": ("access_log", None)}
    for setting in dataclasses.fields(ServerConfig):
        name, default = renamed.get(setting.name, (setting.name, setting.default))
        assert options[name] == default, setting.name
    assert options["no_server_header"] is False
