"""Request bodies: read within a limit, parsed, and refused with a word on where they are wrong."""

import pytest

from chirp_trio import ClientDisconnected, HTTPError
from chirp_trio.web.body import parse_json, read_body
from tests.cases import each_case


def receiving(*chunks, left=False):
    """ASGI's receive for a body in these chunks, and a list of the messages that nobody has asked for."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if left:
        messages.append({"type": "http.disconnect"})
    elif messages:
        messages[-1]["more_body"] = False

    async def receive():
        return messages.pop(0)

    return receive, messages


@each_case(
    ("chunks", "body"),
    [
        pytest.param([b""], b"", id="empty"),
        pytest.param([b"all of it"], b"all of it", id="one chunk"),
        pytest.param([b"in ", b"", b"pie", b"ces"], b"in pieces", id="several chunks"),
        pytest.param([b"ten bytes.", b""], b"ten bytes.", id="as large as is allowed"),
    ],
)
async def test_a_body_is_all_of_its_chunks(chunks, body):
    receive, unread = receiving(*chunks)

    assert await read_body(receive, None, limit=10) == body
    assert unread == []


async def test_a_message_may_leave_out_what_is_empty():
    async def receive():
        return {"type": "http.request"}

    assert await read_body(receive, None, limit=10) == b""


async def test_a_body_that_says_itself_that_it_is_too_large_is_not_read():
    receive, unread = receiving(b"eleven byte")

    with pytest.raises(HTTPError) as refusal:
        await read_body(receive, "11", limit=10)

    assert str(refusal.value) == "413 the request body is larger than 10 bytes"
    assert len(unread) == 1


@each_case(
    "declared",
    [None, "10", "", "abc", "-1", "+99", "1_1", "٣٣", "²²"],
)
async def test_a_body_that_does_not_say_that_it_is_too_large_is_counted(declared):
    receive, unread = receiving(b"five.", b"five.", b"!", b"never read")

    with pytest.raises(HTTPError) as refusal:
        await read_body(receive, declared, limit=10)

    assert refusal.value.status == 413
    assert len(unread) == 1


async def test_a_length_of_very_many_digits_is_too_large():
    with pytest.raises(HTTPError):
        await read_body(receiving(b"")[0], "9" * 5000, limit=10)


@pytest.mark.parametrize("chunks", [[], [b"half of "]], ids=["before it began", "half-way"])
async def test_a_client_that_leaves_is_told_apart_from_a_body_that_ends(chunks):
    receive, _ = receiving(*chunks, left=True)

    with pytest.raises(ClientDisconnected, match="the client left while its request body was being read"):
        await read_body(receive, None, limit=10)


def test_json_is_what_it_stands_for():
    assert parse_json('{"city": "Zürich", "lines": [1, 2.5, null, true]}'.encode()) == {
        "city": "Zürich",
        "lines": [1, 2.5, None, True],
    }


@each_case(
    ("body", "message"),
    [
        pytest.param(b"", "not JSON: Expecting value at line 1, column 1", id="empty"),
        pytest.param(b'{"a": 1,\n "b" 2}', "not JSON: Expecting ':' delimiter at line 2, column 6", id="no colon"),
        pytest.param(b"[1] [2]", "not JSON: Extra data at line 1, column 5", id="two values"),
        pytest.param(b'"a\xff"', "not utf-8: invalid start byte at byte 2", id="not UTF-8"),
        pytest.param(b"\xef\xbb\xbf{}", "not JSON: Unexpected UTF-8 BOM", id="byte order mark"),
        pytest.param(b"[" * 200_000, "JSON that cannot be read: ", id="nested too deeply"),
        pytest.param(b"1" * 5000, "JSON that cannot be read: Exceeds the limit (4300 digits)", id="very many digits"),
    ],
)
def test_json_that_cannot_be_parsed_is_a_bad_request_that_says_where(body, message):
    with pytest.raises(HTTPError) as refusal:
        parse_json(body)

    assert str(refusal.value).startswith(f"400 the request body is {message}")
