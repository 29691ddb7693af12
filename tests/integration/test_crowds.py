"""More connections than a server may have: who comes too late is told so, and nobody who was there is harmed."""

from contextlib import ExitStack

from tests.integration.clients import HTTP1
from tests.integration.hostility import TICK, is_closed, leaving_nothing
from tests.integration.namespaces import SERVER_ADDRESS, inside, two_machines
from tests.integration.server import chirp_trio, kept_in_order, wait_until

MOST = 50


def test_who_comes_when_there_are_too_many_connections_is_told_and_the_others_go_on():
    options = ["--max-connections", str(MOST), "--head-timeout", "60"]
    with chirp_trio("besieged:app", *options) as server, kept_in_order(server), leaving_nothing(server):
        with ExitStack() as connections:
            honest = connections.enter_context(HTTP1(server.address))
            response = honest.request("/ticks")
            honest.wait_for(response, TICK)
            idle = [connections.enter_context(HTTP1(server.address)) for _ in range(2 * MOST)]

            assert idle[-1].socket.recv(65536).startswith(b"HTTP/1.1 503 ")
            refused = idle[MOST:]
            wait_until(lambda: all(is_closed(client) for client in refused))
            assert all(is_closed(client) for client in refused)
            assert not is_closed(idle[0])
            response.body = b""
            honest.wait_for(response, TICK)
        wait_until(lambda: server.get("/echo")[0] == 200)  # there is room again

        assert server.get("/echo")[0] == 200


def test_one_client_cannot_take_the_room_of_the_others():
    options = ["--host", SERVER_ADDRESS, "--max-connections-per-client", str(MOST), "--head-timeout", "60"]
    with (
        two_machines() as cable,
        inside(cable.server),
        chirp_trio("besieged:app", *options, forked=False) as server,
        ExitStack() as connections,
    ):
        with inside(cable.client):
            greedy = [connections.enter_context(HTTP1(server.address)) for _ in range(2 * MOST)]
        for client in greedy[MOST:]:
            assert client.socket.recv(65536).startswith(b"HTTP/1.1 503 ")
        assert not any(is_closed(client) for client in greedy[:MOST])

        assert server.get("/echo")[0] == 200
