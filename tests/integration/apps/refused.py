"""Apps that only one process can serve, because of their topics; `CHIRP_TRIO_TEST_TOPIC` says which it is."""

import os
from contextlib import asynccontextmanager

from chirp_trio import App, SQLiteStore, Topic


@asynccontextmanager
async def lifespan(_app):
    if os.environ["CHIRP_TRIO_TEST_TOPIC"] == "in the lifespan":
        Topic("late")
    yield


app = App(lifespan=lifespan)
match os.environ["CHIRP_TRIO_TEST_TOPIC"]:
    case "without a store":
        app.topic("early")
    case "in a file":
        app.topic("kept", store=SQLiteStore("topics.db"))
