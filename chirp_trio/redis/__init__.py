"""Topics of several processes and machines, joined by a server of Redis or Valkey: one store behind the seam of topics.

`store` says where and how; `connection` speaks the protocol, `server` is what is known of the server, `library.lua` is what
runs inside of it. `link` keeps one process connected: `listening` reads for all of its topics, `publishing` writes for them,
in `calls`. `journal` is one topic, `position` its place in the server's stream. Nothing here knows subscriptions or streams.
"""

from .store import RedisStore

__all__ = ["RedisStore"]
