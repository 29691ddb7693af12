"""Reads each stream of `app.py` with each client of Python, and prints the texts that came, as JSON. Needs no trio.

Most of these clients block, or need asyncio, so this is a program of its own: `python python_clients.py http://127.0.0.1:8000`.
"""

import asyncio
import gc
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pydantic

gc.disable()  # to look through the thousands of classes that these packages make, again and again, takes as long as all else
pydantic.BaseModel.model_config["defer_build"] = True  # few of them are used

# ruff: noqa: E402
import anthropic
import httpx
import httpx_sse
import openai
import requests
import sseclient
from aiohttp_sse_client.client import EventSource
from mcp.client.sse import sse_client

TIMEOUT = 20


def text_of(data: str) -> str:
    return json.loads(data)["text"]


def of_httpx_sse(url: str) -> Iterator[str]:
    with httpx.Client(timeout=TIMEOUT) as client, httpx_sse.connect_sse(client, "GET", f"{url}/values") as events:
        for event in events.iter_sse():
            yield text_of(event.data)


def of_sseclient_py(url: str) -> Iterator[str]:
    with requests.get(f"{url}/values", stream=True, timeout=TIMEOUT) as response:
        for event in sseclient.SSEClient(response).events():
            yield text_of(event.data)


def of_requests(url: str) -> Iterator[str]:
    """As it stands in a thousand README files: lines, decoded as the response's headers say."""
    with requests.get(f"{url}/values", stream=True, timeout=TIMEOUT) as response:
        for line in response.iter_lines(delimiter="\n", decode_unicode=True):
            if line.startswith("data: "):
                yield text_of(line.removeprefix("data: "))


def of_openai(url: str) -> Iterator[str]:
    with openai.OpenAI(base_url=f"{url}/openai", api_key="-", max_retries=0, timeout=TIMEOUT) as client:
        for chunk in client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], stream=True):
            yield chunk.choices[0].delta.content or ""


def of_anthropic(url: str) -> Iterator[str]:
    with anthropic.Anthropic(base_url=f"{url}/anthropic", api_key="-", max_retries=0, timeout=TIMEOUT) as client:
        said = [{"role": "user", "content": "?"}]
        for event in client.messages.create(model="m", max_tokens=1, messages=said, stream=True):
            if event.type != "message_stop":
                yield event.delta.text


def of_mcp(url: str) -> Iterator[str]:
    async def messages() -> list[str]:
        async with sse_client(f"{url}/mcp") as (received, _):
            return [message.message.params["text"] async for message in received]

    yield from asyncio.run(messages())


def of_aiohttp_sse_client(url: str) -> Iterator[str]:
    async def messages() -> list[str]:
        texts: list[str] = []
        async with EventSource(f"{url}/values") as events:
            async for event in events:
                texts.append(text_of(event.data))
                if texts[-1] == "end":  # it would come back otherwise
                    break
        return texts

    yield from asyncio.run(messages())


CLIENTS: dict[str, Callable[[str], Iterator[str]]] = {
    "httpx-sse": of_httpx_sse,
    "sseclient-py": of_sseclient_py,
    "requests": of_requests,
    "openai (Python)": of_openai,
    "anthropic": of_anthropic,
    "mcp": of_mcp,
    "aiohttp-sse-client": of_aiohttp_sse_client,
}
KINDS = ("plain", "ids", "topic", "merged")


def read(client: str, url: str) -> list[str]:
    try:
        return list(CLIENTS[client](url))
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]


if __name__ == "__main__":
    [_, base] = sys.argv
    with ThreadPoolExecutor(len(CLIENTS) * len(KINDS)) as threads:
        reading = {(client, kind): threads.submit(read, client, f"{base}/{kind}") for client in CLIENTS for kind in KINDS}
        print(json.dumps({f"{client}, {kind}": texts.result() for (client, kind), texts in reading.items()}))
