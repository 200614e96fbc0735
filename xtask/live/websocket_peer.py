"""A WebSocket service and its client, as the library `websockets` speaks it: `serve PORT`, or `call PORT TOKEN`."""

import os
import sys

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve


def echo(socket):
    for message in socket:
        socket.send(message)


def call(port, token):
    url = f"ws://127.0.0.1:{port}/orders/chat"
    # No other header could name the host: the library writes it from the URL.
    known = {"Authorization": f"Bearer {token}"}
    with connect(url, additional_headers=known, max_size=None) as socket:
        for message in ["hello", b"\0\1\2", "", "ü" * 1000, os.urandom(3_000_000)]:
            socket.send(message)
            assert socket.recv(timeout=10) == message
        # In fragments, and a ping between messages.
        socket.send(part for part in ["a", "b", "c"])
        assert socket.recv(timeout=10) == "abc"
        assert socket.ping().wait(10)
    try:
        connect(url)
    except InvalidStatus as error:
        assert error.response.status_code == 401, error
    else:
        raise AssertionError("expected 401")
    print("the conversation was as it shall be")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        with serve(echo, "127.0.0.1", int(sys.argv[2]), max_size=None) as server:
            server.serve_forever()
    else:
        call(int(sys.argv[2]), sys.argv[3])
