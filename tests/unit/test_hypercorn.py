"""What the server overrides and uses of hypercorn is there, and is what it was: a new hypercorn has to be looked at first."""

import inspect
from importlib.metadata import version

import pytest
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h2 import BUFFER_HIGH_WATER, BUFFER_LOW_WATER, H2Protocol, StreamBuffer
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import TrioSingleTask, WorkerContext

# The methods that we override or call, with their parameters.
USED = {
    TCPServer: {
        "__init__": ["app", "config", "context", "state", "stream"],
        "run": [],
        "protocol_send": ["event"],
        "_read_data": [],
        "_close": [],
        "_idle_timeout": [],
        "_initiate_server_close": [],
    },
    ProtocolWrapper: {
        "__init__": [
            *("app", "config", "context", "task_group", "state", "ssl", "client", "server", "send", "alpn_protocol"),
        ],
        "initiate": [],
        "handle": ["event"],
    },
    H11Protocol: {
        "__init__": [*("app", "config", "context", "task_group", "connection_state", "ssl", "client", "server", "send")],
        "_check_protocol": ["event"],
        "_send_error_response": ["status_code"],
    },
    H2Protocol: {
        "initiate": ["headers", "settings"],
        "handle": ["event"],
        "_send_data": ["stream_id"],
        "_create_stream": ["request"],
        "_close_stream": ["stream_id"],
        "_handle_events": ["events"],
        "_flush": [],
    },
    StreamBuffer: {"__init__": ["event_class"], "pop": ["max_length"], "drain": [], "close": []},
    TrioSingleTask: {"restart": ["task_group", "action"], "stop": []},
    Lifespan: {
        "__init__": ["app", "config", "state"],
        "handle_lifespan": ["task_status"],
        "wait_for_startup": [],
        "wait_for_shutdown": [],
    },
    WorkerContext: {"__init__": ["max_requests"]},
}


def test_the_version_is_one_that_was_tested():
    assert version("hypercorn").split(".")[:2] == ["0", "18"], (
        "chirp_trio.server overrides parts of hypercorn 0.18: read what has changed in them, run tests/integration, and then "
        "change the version here and in pyproject.toml"
    )


@pytest.mark.parametrize(
    ("owner", "name"),
    [(owner, name) for owner, names in USED.items() for name in names],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_a_method_that_we_use_takes_what_it_took(owner, name):
    parameters = list(inspect.signature(getattr(owner, name)).parameters)
    assert [parameter for parameter in parameters if parameter != "self"] == USED[owner][name]


def test_a_buffer_has_the_marks_and_the_events_that_ours_goes_by():
    assert 0 < BUFFER_LOW_WATER < BUFFER_HIGH_WATER <= 64 * 1024
    assert {"buffer", "_complete", "_is_empty", "_paused"} <= set(vars(StreamBuffer(WorkerContext.event_class)))
