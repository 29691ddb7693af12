"""What the server can be told, and what it refuses to be told."""

import argparse
import socket

import pytest

from chirp_trio import ConfigurationError, ServerConfig
from chirp_trio.cli import parser

ADDRESSES = ["127.0.0.1:8000", "0.0.0.0:0", "localhost:80", "[::1]:65535", "[fe80::1%eth0]:1", "unix:app.sock", "fd://3"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_kept_as_it_is(address):
    assert ServerConfig(bind=address).bind == (address,)
    assert ServerConfig(bind=address).for_hypercorn().bind == [address]


def test_several_addresses_are_kept_in_their_order():
    assert ServerConfig(bind=ADDRESSES).for_hypercorn().bind == ADDRESSES


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        pytest.param({}, "127.0.0.1:8000", id="nothing"),
        pytest.param({"host": "::1", "port": 0}, "[::1]:0", id="IPv6"),
        pytest.param({"host": "example.org"}, "example.org:8000", id="a name"),
    ],
)
def test_without_bind_it_is_host_and_port(settings, address):
    assert ServerConfig(**settings).for_hypercorn().bind == [address]


@pytest.mark.parametrize(
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
    "no write_timeout": ({"write_timeout": 0}, "write_timeout is 0; it must be a number of seconds, one or more"),
    "an endless write_timeout": (
        {"write_timeout": float("inf")},
        "write_timeout is inf; it must be a number of seconds, one or more",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_with_what_can(case):
    settings, message = REFUSED[case]

    with pytest.raises(ConfigurationError) as refusal:
        ServerConfig(**settings)

    assert str(refusal.value) == message


def test_sharing_a_port_is_refused_where_the_system_cannot(monkeypatch):
    monkeypatch.delattr(socket, "SO_REUSEPORT", raising=False)

    with pytest.raises(ConfigurationError, match="no SO_REUSEPORT"):
        ServerConfig(reuse_port=True)


@pytest.mark.parametrize(
    ("given", "kept"), [("", ""), ("/", ""), ("/shop", "/shop"), ("/shop/", "/shop"), ("/a/b", "/a/b"), ("/größe", "/größe")]
)
def test_a_prefix_has_no_slash_at_its_end(given, kept):
    config = ServerConfig(root_path=given)

    assert config.root_path == config.for_hypercorn().root_path == kept


@pytest.mark.parametrize("given", ["shop", "/a b", "/a?b", "/a#b", "//", None, 5], ids=repr)
def test_a_prefix_that_is_no_path_is_refused(given):
    with pytest.raises(ConfigurationError, match="it must be a path such as '/shop', or ''"):
        ServerConfig(root_path=given)


@pytest.mark.parametrize(("http2", "protocols"), [(True, ["h2", "http/1.1"]), (False, ["http/1.1"])])
def test_http2_is_offered_or_not(http2, protocols):
    assert ServerConfig(http2=http2).for_hypercorn().alpn_protocols == protocols


@pytest.mark.parametrize("proxies", ["10.0.0.1", ["10.0.0.0/8", "::1", "unix"], ()])
def test_trusted_proxies_are_kept_as_they_are(proxies):
    assert ServerConfig(trusted_proxies=proxies).trusted_proxies == (
        (proxies,) if isinstance(proxies, str) else tuple(proxies)
    )


@pytest.mark.parametrize("proxy", ["", "*", "localhost", "10.0.0.1/8", "10.0.0.1:80", "10.0.0", 167772161, None])
def test_a_trusted_proxy_that_is_no_address_is_refused(proxy):
    with pytest.raises(ConfigurationError) as refusal:
        ServerConfig(trusted_proxies=[proxy])

    assert f"trusted_proxies has {proxy!r}; it must be an address such as '10.0.0.1'" in str(refusal.value)


def test_the_command_line_has_the_same_defaults():
    options = parser().parse_args(["run", "app"], argparse.Namespace(arguments=[]))
    defaults = ServerConfig()

    for name in ("host", "port", "certfile", "keyfile", "reuse_port", "graceful_timeout", "write_timeout", "access_log"):
        assert getattr(options, name) == getattr(defaults, name)
    assert (tuple(options.bind), tuple(options.trusted_proxy)) == (defaults.bind, defaults.trusted_proxies)
    assert options.no_http2 is not defaults.http2
