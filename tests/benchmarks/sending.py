"""The floor: a server that does nothing but `socket.send()`, in a bare loop, with the events of the workload "compression".

It knows of HTTP what the load client needs: `python -m tests.benchmarks.sending PORT` listens, a GET of `/KIND/CODING` gets
a stream, and a POST sends all of its clients the next event, which is made and compressed once.
"""

import selectors
import socket
import sys
from collections import defaultdict
from itertools import count

from chirp_trio.compression import GzipCoding, ZstandardCoding

from .apps.cards import MAKE
from .processes import allow_connections

ENCODERS = {"identity": b"".join, "gzip": GzipCoding().encode, "zstd": ZstandardCoding().encode}
HEADS = {"identity": b"".join, "gzip": lambda pieces: GzipCoding().encode(pieces), "zstd": ZstandardCoding().encode}
CONNECTIONS = 5000

crowds = defaultdict(list)  # sockets by path
numbers = count(1)


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


def answer(client, request):
    method, path = request.split()[:2]
    _, kind, coding = path.decode().split("/")
    if method == b"POST":
        event = b"id: 0123456789ab-%d\ndata: %b\n\n" % (next(numbers), MAKE[kind]().encode())
        data = chunk(ENCODERS[coding]([event]))
        for one in crowds[path]:
            one.send(data)
        client.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        return
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    said = b"" if coding == "identity" else b"content-encoding: %b\r\n" % coding.encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n%b\r\n" % said
    client.send(head + chunk(HEADS[coding]([b": hello\n\n"])))
    crowds[path].append(client)


def leave(client):
    for crowd in crowds.values():
        if client in crowd:
            crowd.remove(client)
    client.close()


def main(port):
    allow_connections(CONNECTIONS)
    ENCODERS["gzip"]([])  # the head, which each client has its own
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener, selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    selector.register(listener.accept()[0], selectors.EVENT_READ)
                elif request := key.fileobj.recv(4096):
                    answer(key.fileobj, request)
                else:
                    selector.unregister(key.fileobj)
                    leave(key.fileobj)


if __name__ == "__main__":
    main(int(sys.argv[1]))
