"""What is made of what a server says of itself: whether it can be used, and what the log is told of it."""

import hashlib

import pytest

from chirp_trio.redis.options import Options
from chirp_trio.redis.server import LIBRARY, REVISION, UnusableServerError, check_server
from tests.cases import each_case

GOOD = {
    "redis_version": "7.4.1",
    "run_id": "run",
    "master_replid2": "0",
    "role": "master",
    "aof_enabled": "1",
    "maxmemory_policy": "noeviction",
}


def checked(confirm="written", **info):
    return check_server(GOOD | info, Options("redis://host", confirm=confirm))


def test_of_a_good_one_nothing_has_to_be_said():
    assert checked().warnings == ()


@pytest.mark.parametrize(
    ("info", "warning"),
    [
        ({"aof_enabled": "0"}, "it has no append-only file, so a restart loses events"),
        ({"maxmemory_policy": "allkeys-lru"}, "its maxmemory-policy is allkeys-lru, so it may forget topics"),
        ({"maxmemory_policy": "volatile-ttl"}, "its maxmemory-policy is volatile-ttl, so it may forget what it has stored"),
        ({"redis_version": "7.0.15"}, "it is Redis 7.0.15, which is old"),
    ],
)
def test_each_thing_that_its_operator_should_know_is_one_warning(info, warning):
    (said,) = checked(**info).warnings
    assert said.startswith(warning)


@each_case(
    ("info", "problem"),
    [
        ({"redis_version": "6.2.7"}, "it is Redis 6.2.7; it must be Redis 7 or newer, or Valkey"),
        ({"redis_version": "7.0.1", "confirm": "disk"}, "it is Redis 7.0.1; confirm='disk' needs 7.2 or newer"),
        ({"aof_enabled": "0", "confirm": "disk"}, "it has no append-only file, which confirm='disk' waits for"),
        ({"cluster_enabled": "1"}, "it is part of a Redis Cluster, which is not supported: use a server of its own"),
        ({"role": "slave"}, "it is a replica, which nobody can write to"),
        ({"loading": "1"}, "it is reading its data"),
    ],
)
def test_one_that_cannot_be_used_is_refused(info, problem):
    with pytest.raises(UnusableServerError, match=problem):
        checked(**info)


def test_whoever_changes_the_functions_in_the_server_raises_their_revision():
    """Otherwise servers that have the ones before keep those."""
    assert (REVISION, hashlib.sha256(LIBRARY.encode()).hexdigest()[:16]) == (1, "a0022334ddb5d44f")
