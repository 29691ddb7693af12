"""What every app sends: the event, and where events come from."""

import json
import time

import trio

HEARTBEAT_INTERVAL = 15  # seconds
FAN_OUT_INTERVAL = 0.2  # seconds


def make_event(number):
    """About 60 bytes of JSON; the client measures how late it is, and looks whether one is missing."""
    return {"event": f"@{time.time_ns()}{number:010}", "text": "hello"}


def encode(event):
    """What an app does that has no library for it."""
    return b"data: %b\n\n" % json.dumps(event).encode()


async def firehose():
    """Events, as fast as they are taken."""
    number = 0
    while True:
        number += 1
        yield make_event(number)


async def idle():
    """One event, and then nothing for ever."""
    yield make_event(0)
    await trio.sleep_forever()


class Subscribers:
    """A bounded memory channel for each of them, and the same events for all."""

    def __init__(self):
        self._channels = set()

    def subscribe(self):
        """A channel whose first event is there already; who leaves closes it."""
        if not self._channels:
            trio.lowlevel.spawn_system_task(self._publish)
        send_channel, receive_channel = trio.open_memory_channel(64)
        send_channel.send_nowait(make_event(0))
        self._channels.add(send_channel)
        return receive_channel

    async def _publish(self):
        number = 0
        while self._channels:
            await trio.sleep(FAN_OUT_INTERVAL)
            number += 1
            event = make_event(number)
            for channel in tuple(self._channels):
                try:
                    channel.send_nowait(event)
                except trio.BrokenResourceError:
                    self._channels.remove(channel)


subscribers = Subscribers()
