"""Who the client is behind proxies: what trusted proxies say, and nothing that a client can make up."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chirp_trio.server import forwarded
from chirp_trio.server.forwarded import ForwardedClient
from tests.cases import each_case

PROXY = ("10.0.0.1", 1234)
TRUSTED = ["10.0.0.0/8", "2001:db8:ffff::/48"]


async def seen(headers, *, peer=PROXY, trusted=TRUSTED, kind="http", scheme="http"):
    """Client and scheme, as the app sees them."""
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": kind, "client": peer, "scheme": scheme, "headers": pairs}
    before = dict(scope)
    await ForwardedClient(app, trusted)(scope, None, None)
    assert scope == before  # whoever has given it may still need it
    return scopes[0].get("client"), scopes[0].get("scheme")


@each_case(
    ("header", "client"),
    [
        pytest.param("192.0.2.7", ("192.0.2.7", 0), id="an address"),
        pytest.param("192.0.2.7:4711", ("192.0.2.7", 4711), id="with its port"),
        pytest.param("2001:db8::7", ("2001:db8::7", 0), id="IPv6"),
        pytest.param("[2001:DB8:0::7]", ("2001:db8::7", 0), id="IPv6 in brackets"),
        pytest.param("[2001:db8::7]:4711", ("2001:db8::7", 4711), id="IPv6 with its port"),
        pytest.param("::ffff:192.0.2.7", ("192.0.2.7", 0), id="IPv4 as a part of IPv6"),
        pytest.param("6.6.6.6, 192.0.2.7", ("192.0.2.7", 0), id="behind what the client says itself"),
        pytest.param("6.6.6.6,192.0.2.7 , 10.0.0.2,10.9.9.9", ("192.0.2.7", 0), id="behind more trusted proxies"),
        pytest.param("10.0.0.3, 10.0.0.2", ("10.0.0.3", 0), id="a trusted proxy itself"),
        pytest.param("2001:db8::7, 2001:db8:ffff::1", ("2001:db8::7", 0), id="behind a proxy with IPv6"),
        pytest.param("192.0.2.7, unknown, 10.0.0.2", None, id="behind somebody who is not named"),
    ],
)
async def test_the_client_is_the_nearest_that_is_no_trusted_proxy(header, client):
    assert await seen([("x-forwarded-for", header)]) == (client, "http")


@each_case(
    ("header", "client", "scheme"),
    [
        pytest.param("for=192.0.2.7", ("192.0.2.7", 0), "http", id="an address"),
        pytest.param('For="192.0.2.7:4711";Proto=HTTPS', ("192.0.2.7", 4711), "https", id="a port and a scheme"),
        pytest.param('for="[2001:db8::7]:4711"', ("2001:db8::7", 4711), "http", id="IPv6"),
        pytest.param("for=6.6.6.6;proto=https, for=192.0.2.7", ("192.0.2.7", 0), "http", id="the scheme of that hop only"),
        pytest.param("for=192.0.2.7;proto=https, for=10.0.0.2", ("192.0.2.7", 0), "https", id="behind more trusted proxies"),
        pytest.param('for=192.0.2.7;host="a, for=6.6.6.6"', ("192.0.2.7", 0), "http", id="a comma in quotes"),
        pytest.param(r'for=192.0.2.7;host="a\", for=6.6.6.6"', ("192.0.2.7", 0), "http", id="a quote in quotes"),
    ],
)
async def test_the_standard_header_is_understood(header, client, scheme):
    assert await seen([("forwarded", header)]) == (client, scheme)


async def test_headers_of_one_name_are_one_list():
    assert await seen([("x-forwarded-for", "6.6.6.6"), ("X-Forwarded-For", "192.0.2.7")]) == (("192.0.2.7", 0), "http")
    assert await seen([("forwarded", "for=6.6.6.6"), ("forwarded", "for=192.0.2.7")]) == (("192.0.2.7", 0), "http")


HOSTILE = {
    "commas": [("x-forwarded-for", ",,,")],
    "a name": [("x-forwarded-for", "admin")],
    "a script": [("x-forwarded-for", "<script>alert(1)</script>")],
    "a zone that is any text": [("x-forwarded-for", "fe80::1%<b>")],
    "an open bracket": [("x-forwarded-for", "[2001:db8::7")],
    "an empty bracket": [("x-forwarded-for", "[]:80")],
    "a port that is none": [("x-forwarded-for", "192.0.2.7:65536")],
    "digits that are not ASCII": [("x-forwarded-for", "192.0.2.\xb2")],
    "a long one": [("x-forwarded-for", "9" * 60_000)],
    "not named": [("forwarded", "for=unknown")],
    "hidden": [("forwarded", "for=_secret")],
    "without for": [("forwarded", "by=192.0.2.7")],
    "twice the same": [("forwarded", "for=6.6.6.6;for=192.0.2.7")],
    "an open quote that swallows the proxy's part": [("forwarded", 'for=6.6.6.6;x="'), ("forwarded", "for=192.0.2.7")],
    "a quote that the proxy's part closes": [("forwarded", 'for=6.6.6.6;x="'), ("forwarded", 'for="[2001:db8::7]"')],
    "no pairs": [("forwarded", "192.0.2.7")],
    "many quotes": [("forwarded", 'a="' * 20_000)],
    "two that differ": [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "192.0.2.7")],
    "two of which one is broken": [("forwarded", 'for="'), ("x-forwarded-for", "6.6.6.6")],
    "two of which the other is broken": [("forwarded", "for=6.6.6.6;proto=https"), ("x-forwarded-for", "a")],
}


@each_case("case", HOSTILE)
async def test_where_it_cannot_be_understood_or_is_said_in_two_ways_nobody_becomes_the_proxy(case):
    """Whoever can make the proxy's word unreadable would be taken for the proxy, which may be allowed what no client is."""
    assert await seen([*HOSTILE[case], ("x-forwarded-proto", "https")]) == (None, "http")


@pytest.mark.parametrize("headers", [[], [("x-forwarded-for", "")], [("forwarded", "")]], ids=repr)
async def test_what_a_proxy_asks_itself_comes_from_the_proxy(headers):
    assert await seen(headers) == (PROXY, "http")


async def test_no_more_hops_are_read_than_are_needed(monkeypatch):
    read = []
    parse = forwarded.parse_address
    monkeypatch.setattr(forwarded, "parse_address", lambda text: read.append(text) or parse(text))

    assert (await seen([("x-forwarded-for", "1," * 7_500 + "192.0.2.7, 10.0.0.2")]))[0] == ("192.0.2.7", 0)
    assert read == ["10.0.0.1", "10.0.0.2", "192.0.2.7"]


HOPS = st.sampled_from(
    ["192.0.2.7", "10.0.0.1", "::1", "[::1]:80", "[::1]:99999", "fe80::1%x", "\xb2", "", "for=", "unknown"]
)
PAIRS = st.sampled_from(
    ["for=192.0.2.7", 'for="[::1]:80"', "for=10.0.0.1", "for=_x", "proto=https", "proto=x", 'x="', "x=y,z"]
)
SCHEMES = st.sampled_from(["http", "HTTPS", "ws", "javascript", ""])
HEADERS = st.one_of(
    st.tuples(st.just("x-forwarded-for"), st.lists(HOPS, min_size=1, max_size=4).map(",".join)),
    st.tuples(
        st.just("forwarded"), st.lists(st.lists(PAIRS, min_size=1, max_size=3).map(";".join), max_size=3).map(", ".join)
    ),
    st.tuples(st.just("x-forwarded-proto"), st.lists(SCHEMES, max_size=2).map(",".join)),
)


@given(st.lists(HEADERS, max_size=3))
async def test_whatever_the_headers_hold_the_client_is_an_address_and_the_scheme_is_one(headers):
    client, scheme = await seen(headers)

    assert client is None or (str(ip_address(client[0])) == client[0] and 0 <= client[1] <= 65535)
    assert client != PROXY or not any(value for name, value in headers if name in {"x-forwarded-for", "forwarded"})
    assert scheme in {"http", "https"}


async def test_two_headers_that_agree_are_believed():
    headers = [("forwarded", "for=192.0.2.7;proto=https"), ("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https")]

    assert await seen(headers) == (("192.0.2.7", 0), "https")


@each_case(
    ("value", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("http, https", "https"),
        ("https, http", "http"),
        ("gopher", "http"),
        ("", "http"),
    ],
)
async def test_the_scheme_is_what_the_nearest_proxy_says(value, scheme):
    assert (await seen([("x-forwarded-proto", value)]))[1] == scheme


async def test_two_schemes_are_none():
    assert (await seen([("forwarded", "for=192.0.2.7;proto=http"), ("x-forwarded-proto", "https")]))[1] == "http"


async def test_a_websocket_has_a_scheme_of_its_own():
    assert (await seen([("x-forwarded-proto", "https")], kind="websocket", scheme="ws"))[1] == "wss"


@pytest.mark.parametrize("peer", [("192.0.2.1", 1), ("2001:db8::1", 1), None], ids=["IPv4", "IPv6", "a Unix socket"])
async def test_who_is_not_trusted_is_not_believed(peer):
    headers = [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https")]

    assert await seen(headers, peer=peer) == (peer, "http")


async def test_a_proxy_is_recognised_where_a_socket_shows_ipv4_as_ipv6():
    assert (await seen([("x-forwarded-for", "192.0.2.7")], peer=("::ffff:10.0.0.1", 1)))[0] == ("192.0.2.7", 0)


async def test_whoever_comes_through_a_unix_socket_can_be_trusted():
    assert (await seen([("x-forwarded-for", "192.0.2.7")], peer=None, trusted=["unix"]))[0] == ("192.0.2.7", 0)
    assert (await seen([("x-forwarded-for", "192.0.2.7")], peer=PROXY, trusted=["unix"]))[0] == PROXY


async def test_a_lifespan_passes_through():
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)

    lifespan = {"type": "lifespan"}
    await ForwardedClient(app, TRUSTED)(lifespan, None, None)

    assert scopes == [lifespan]
