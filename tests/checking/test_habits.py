"""What is written by habit and raises nothing: calls that stop every stream, and events that are none."""

from tests.cases import each_case

APP = """
import os, subprocess, time, urllib.request
from time import sleep
from time import sleep as pause

import httpx, requests, trio

from chirp_trio import App, EventStream, SSEEvent

app = App()


@app.route("/live")
async def live():
    async def source():
        while True:
            LINE

    return EventStream(source)


@app.route("/plain")
def plain():
    time.sleep(1)  # in a thread
    return requests.get("http://127.0.0.1/").text
"""
BLOCKS = "it stops every stream for as long as it takes: "
HABITS = {
    "time.sleep(1)": f"time.sleep() blocks: {BLOCKS}await trio.sleep(...)",
    "sleep(1)": f"sleep() blocks: {BLOCKS}await trio.sleep(...)",
    "pause(1)": f"pause() blocks: {BLOCKS}await trio.sleep(...)",
    "yield requests.get('http://127.0.0.1/').text": f"requests.get() blocks: {BLOCKS}httpx.AsyncClient has the same for trio",
    "yield httpx.get('http://127.0.0.1/').text": f"httpx.get() blocks: {BLOCKS}httpx.AsyncClient has the same for trio",
    "yield urllib.request.urlopen('http://127.0.0.1/')": f"urllib.request.urlopen() blocks: {BLOCKS}httpx.AsyncClient has",
    "yield subprocess.run(['ls']).returncode": f"subprocess.run() blocks: {BLOCKS}await trio.run_process(...)",
    "os.system('ls')": f"os.system() blocks: {BLOCKS}await trio.run_process(...)",
    "yield input()": f"input() blocks: {BLOCKS}await trio.to_thread.run_sync(...)",
    'yield "data: tea\\n\\n"': "'data: tea\\n\\n'... is sent as the data of an event; yield the data alone",
    'yield b"data: tea\\n\\n"': "'data: tea\\n\\n'... is sent as the data of an event; yield the data alone",
    'yield f"data: {time}\\n\\n"': "'data: '... is sent as the data of an event; yield the data alone",
    'yield f"event: tick\\ndata: {time}\\n\\n"': "'event: tick\\n'... is sent as the data of an event",
    'yield {"event": "tick", "data": time}': "an event of that name is SSEEvent(data, event=...)",
    'yield {"event": "tick", "data": time, "id": "1"}': "an event of that name is SSEEvent(data, event=...)",
}  # fmt: skip
ALL_RIGHT = [
    "await trio.sleep(1)",
    "await trio.to_thread.run_sync(time.sleep, 1)",
    "await trio.to_thread.run_sync(lambda: time.sleep(1))",
    'yield "data: tea"',
    'yield "tea"',
    'yield f"{time}: tea"',
    'yield {"data": time}',
    'yield {"event": "tick", "data": time, "price": 3}',
    'yield {**os.environ, "event": "tick", "data": time}',
    'yield SSEEvent("tea", event="tick")',
    "yield time.time()",
]


@each_case(("line", "message"), HABITS.items())
def test_a_habit_is_found_where_it_stands(site, line, message):
    [found] = site.check({"site_app.py": APP.replace("LINE", line)})

    assert found.startswith("site_app.py:17: ")
    assert message in found


@each_case("line", ALL_RIGHT)
def test_what_is_right_is_left_alone(site, line):
    assert site.check({"site_app.py": APP.replace("LINE", line)}) == []


def test_a_name_that_is_something_else_here_is_left_alone(site):
    text = APP.replace("LINE", "sleep(1)").replace("        while True", "        sleep = print\n        while True")
    assert site.check({"site_app.py": text}) == []
