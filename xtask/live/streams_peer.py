"""Clients of streams, and their services: `serve grpc|websocket PORT`; `sse URL CA TOKEN` prints every event as it comes;
`hold grpc|websocket PORT TOKEN` prints `open` when a stream flows and `cut` when it was ended."""

import concurrent.futures
import logging
import ssl
import sys
import time


def serve_grpc(port):
    import grpc

    def tick(_, __):
        while True:
            yield b"tick"
            time.sleep(0.02)

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=4))
    handlers = {"Tick": grpc.unary_stream_rpc_method_handler(tick)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("demo.Clock", handlers)])
    assert server.add_insecure_port(f"127.0.0.1:{port}") == port
    server.start()
    server.wait_for_termination()


def serve_websocket(port):
    from websockets.sync.server import serve

    def echo(socket):
        for message in socket:
            socket.send(message)

    # A suite sends much that is not right.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    # As the suites for servers ask for: compression is not theirs to test here.
    with serve(echo, "127.0.0.1", port, max_size=None, compression=None) as server:
        server.serve_forever()


def hold_grpc(port, token):
    import grpc

    channel = grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.default_authority", "orders.test")])
    ticks = channel.unary_stream("/demo.Clock/Tick")(b"", metadata=[("authorization", f"Bearer {token}")], timeout=60)
    try:
        for number, _ in enumerate(ticks):
            if number == 3:
                print("open", flush=True)
    except grpc.RpcError as error:
        print("cut", error.code().name, flush=True)


def hold_websocket(port, token):
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    known = {"Authorization": f"Bearer {token}"}
    with connect(f"ws://127.0.0.1:{port}/chat/1", additional_headers=known, compression=None) as socket:
        try:
            for number in range(3000):
                socket.send("hello")
                socket.recv(timeout=10)
                if number == 3:
                    print("open", flush=True)
                time.sleep(0.02)
        except ConnectionClosed as closed:
            print("cut", closed.rcvd, flush=True)


def sse(url, authority, token):
    import httpx
    from httpx_sse import connect_sse

    trust = ssl.create_default_context(cafile=authority)
    with httpx.Client(http2=True, verify=trust, timeout=10) as client:
        with connect_sse(client, "GET", url, headers={"Authorization": f"Bearer {token}"}) as source:
            assert source.response.http_version == "HTTP/2", source.response.http_version
            for event in source.iter_sse():
                print(event.id, event.data, flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", "grpc", port]:
            serve_grpc(int(port))
        case ["serve", "websocket", port]:
            serve_websocket(int(port))
        case ["hold", "grpc", port, token]:
            hold_grpc(int(port), token)
        case ["hold", "websocket", port, token]:
            hold_websocket(int(port), token)
        case ["sse", url, authority, token]:
            sse(url, authority, token)
        case words:
            sys.exit(f"cannot do {words}")
