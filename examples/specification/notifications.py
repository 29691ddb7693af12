"""Notifications: who posts one reaches everybody. `chirp-trio run examples/specification/notifications.py:app`."""

from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self
from weakref import WeakSet

import trio
from htmx import add_htmx

from chirp_trio import App, AppConfig, EventStream, Fragment, Request, Template


@dataclass(frozen=True, slots=True)
class Notification:
    """A message, and when it was published."""

    message: str
    timestamp: str = field(default_factory=lambda: f"{datetime.now():%H:%M:%S}")


class Subscription:
    """What one reader has not read yet; the oldest is forgotten where that becomes too much."""

    def __init__(self) -> None:
        self._unread = deque[Notification](maxlen=100)
        self._arrived = trio.Event()

    def put_nowait(self, notification: Notification) -> None:
        self._unread.append(notification)
        self._arrived.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notification:
        while not self._unread:
            self._arrived = trio.Event()
            await self._arrived.wait()
        return self._unread.popleft()


class NotificationBus:
    """Hands what is published to everybody who has subscribed by then. Nobody has to unsubscribe."""

    def __init__(self) -> None:
        self._subscriptions = WeakSet[Subscription]()

    def subscribe(self) -> Subscription:
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def publish(self, message: str) -> None:
        notification = Notification(message)
        for subscription in tuple(self._subscriptions):
            subscription.put_nowait(notification)


app = App(AppConfig(template_dir=Path(__file__).parent / "templates"))
add_htmx(app)
notification_bus = NotificationBus()


@app.route("/")
async def index(request: Request) -> Template:
    return Template("notifications.html", request=request)


@app.route("/", methods=["POST"])
async def publish(request: Request) -> None:
    notification_bus.publish((await request.form())["message"])


@app.route("/notifications")
async def notifications() -> EventStream:
    async def stream() -> AsyncGenerator[Fragment]:
        async for event in notification_bus.subscribe():
            yield Fragment(
                "components/notification.html",
                event="notification",
                message=event.message,
                time=event.timestamp,
            )

    return EventStream(stream())
