"""`TestClient` and ASGI apps of any kind: their errors, their breaches of the protocol, and those that do not end."""

import pytest
import trio

from chirp_trio.testing import AppError, AppStillRunning, TestClient


async def plain(scope, receive, send):
    """An app that knows no lifespan."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"plain"})


async def test_an_app_need_not_know_lifespan():
    async with TestClient(plain) as client:
        assert (await client.get("/")).text == "plain"


def app_that(answer):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await answer(receive, send)

    return app


START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"a"}


async def fail_at_once(receive, send):
    raise LookupError("kaputt")


async def fail_in_a_nursery(receive, send):
    async with trio.open_nursery():
        raise LookupError("kaputt")


async def fail_half_way(receive, send):
    await send(START)
    await send({**BODY, "more_body": True})
    raise LookupError("kaputt")


@pytest.mark.parametrize("answer", [fail_at_once, fail_in_a_nursery, fail_half_way])
async def test_what_the_app_raises_is_raised_in_the_test(answer):
    async with TestClient(app_that(answer)) as client:
        with pytest.raises(LookupError, match="kaputt"):
            await client.get("/")


async def answer_nothing(receive, send): ...


async def answer_half(receive, send):
    await send(START)
    await send({**BODY, "more_body": True})


async def answer_a_body_alone(receive, send):
    await send(BODY)


async def answer_twice(receive, send):
    await send(START)
    await send(START)


async def answer_in_tongues(receive, send):
    await send({"type": "http.response.hint"})


async def answer_too_much(receive, send):
    await send(START)
    await send(BODY)
    await send(BODY)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (answer_nothing, "GET /: the app returned without a response"),
        (answer_half, "GET /: the app returned before its response was complete"),
        (answer_a_body_alone, "GET /: http.response.body before http.response.start"),
        (answer_in_tongues, "GET /: http.response.hint is no message that this server knows"),
        (answer_twice, "GET /: http.response.start for the second time"),
        (answer_too_much, "GET /: http.response.body after the end of the response"),
    ],
)
async def test_an_app_that_breaks_the_protocol_is_told_so(answer, message):
    async with TestClient(app_that(answer)) as client:
        with pytest.raises(AppError) as raised:
            await client.get("/")

    assert str(raised.value) == message


# -- apps that do not end -----------------------------------------------------------------------------------------------


async def never_end(receive, send):
    await send(START)
    await send({**BODY, "more_body": True})
    await trio.sleep_forever()


async def test_an_app_that_does_not_notice_that_its_client_has_left_is_told_of(autojump_clock):
    with pytest.raises(AppStillRunning, match="GET /endless"):
        async with TestClient(app_that(never_end)) as client, client.stream("GET", "/endless"):
            pass


async def test_an_app_that_still_runs_when_the_client_is_closed_is_told_of(autojump_clock):
    async def never_answer(receive, send):
        await trio.sleep_forever()

    async def ask_and_give_up():
        async with TestClient(app_that(never_answer)) as client:
            with trio.move_on_after(1):
                await client.get("/endless")

    with pytest.raises(AppStillRunning, match="still running 60 s after their clients had left: GET /endless"):
        await ask_and_give_up()


async def test_an_app_that_takes_its_time_to_end_is_waited_for(autojump_clock):
    steps = []

    async def end_late(receive, send):
        await send(START)
        await send({**BODY, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        await trio.sleep(30)
        steps.append("ended")

    async with TestClient(app_that(end_late)) as client:
        async with client.stream("GET", "/"):
            pass
        assert steps == ["ended"]


async def test_drain_tells_the_app_that_its_server_is_about_to_stop():
    told = []

    async def wait_for_the_end(scope, receive, send):
        if scope["type"] == "http":
            await scope["extensions"]["chirp_trio.shutdown"].wait()
            told.append("shutdown")
            await send(START)
            await send(BODY)

    async with TestClient(wait_for_the_end) as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.get, "/")
        await trio.lowlevel.checkpoint()
        assert told == []
        client.drain()

    assert told == ["shutdown"]
