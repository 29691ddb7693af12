"""What a URL of a server means, and what is said of one that means nothing."""

import pytest

from chirp_trio import ConfigurationError, RedisStore
from chirp_trio.redis.address import Address, Sentinel, parse_address
from tests.cases import each_case


@each_case(
    ("url", "address"),
    [
        ("redis://host", Address("host", 6379, False, "", "", 0)),
        ("rediss://me:a%2Fb@[::1]:1/15", Address("::1", 1, True, "me", "a/b", 15)),
        ("unix:///run/redis.sock?db=3", Address("/run/redis.sock", None, False, "", "", 3)),
        (
            "redis+sentinel://:secret@a,b:1/mymaster/2",
            Address("mymaster", None, False, "", "secret", 2, (Sentinel("a", 26379, "", ""), Sentinel("b", 1, "", ""))),
        ),
        (
            "rediss+sentinel://[::1]:1/my%2Fmaster?sentinel_user=u&sentinel_password=p%26",
            Address("my/master", None, True, "", "", 0, (Sentinel("::1", 1, "u", "p&"),)),
        ),
    ],
)
def test_a_url_says_where_a_server_is_and_as_whom_to_use_it(url, address):
    assert parse_address(url) == address


@each_case(
    ("url", "problem"),
    [
        ("http://host", "must begin with redis://, rediss://, unix://, redis\\+sentinel:// or rediss\\+sentinel://"),
        ("redis+cluster://me:secret@host", r"'redis\+cluster://\.\.\.@host'; Redis Cluster is not supported: give .* server"),
        ("redis://", "names no host"),
        ("redis://host:port", "cannot be read"),
        ("redis://host/x", "the database is 'x'"),
        ("redis://host?db=1", "has the option 'db'; of redis:// there is none"),
        ("redis://host#1", "has a #"),
        ("redis+sentinel://host", "does not say by which name"),
        ("redis+sentinel:///mymaster", "names no Sentinel"),
        ("redis+sentinel://a,b:port/mymaster", "cannot be read"),
        ("redis+sentinel://a,,b/mymaster", "names no Sentinel"),
        ("redis+sentinel://a/mymaster/x", "the database is 'x'"),
        ("redis+sentinel://a/mymaster?db=1", "there is sentinel_user and sentinel_password"),
    ],
)
def test_what_is_none_is_refused_and_no_password_is_shown(url, problem):
    with pytest.raises(ConfigurationError, match=problem) as caught:
        RedisStore(url)
    assert "secret" not in str(caught.value)


def test_a_password_is_not_shown():
    shown = f"{parse_address('redis://:secret@host')!r} {parse_address('redis+sentinel://:secret@a,b:1/m?sentinel_password=secret')!r}"
    assert "secret" not in shown
    assert str(parse_address("redis+sentinel://:secret@a,b:1/m")) == "'m' of the Sentinels a:26379, b:1"
