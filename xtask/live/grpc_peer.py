"""A gRPC service and its client, as Google's own library speaks it: `serve PORT`, or `call PORT TOKEN`."""

import concurrent.futures
import sys

import grpc

METHODS = {
    "Unary": (grpc.unary_unary_rpc_method_handler, lambda asked, _: asked[::-1]),
    "Down": (grpc.unary_stream_rpc_method_handler, lambda asked, _: (asked for _ in range(1000))),
    "Up": (grpc.stream_unary_rpc_method_handler, lambda asked, _: str(sum(map(len, asked))).encode()),
    "Both": (grpc.stream_stream_rpc_method_handler, lambda asked, _: (one[::-1] for one in asked)),
    "Fail": (grpc.unary_unary_rpc_method_handler, lambda asked, context: context.abort(grpc.StatusCode.DATA_LOSS, "lost")),
}


def serve(port):
    handlers = {name: make(behave) for name, (make, behave) in METHODS.items()}
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("demo.Echo", handlers)])
    assert server.add_insecure_port(f"127.0.0.1:{port}") == port
    server.start()
    server.wait_for_termination()


def denied(code, call):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, error
    else:
        raise AssertionError(f"expected {code}")


def call(port, token):
    options = [("grpc.default_authority", "orders.test")]
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
    known, unknown = [("authorization", f"Bearer {token}")], [("authorization", "Bearer x")]
    name = "/demo.Echo/{}".format
    unary = channel.unary_unary(name("Unary"))
    assert unary(b"abc", metadata=known, timeout=10) == b"cba"
    assert unary(b"x" * 1_000_000, metadata=known, timeout=10) == b"x" * 1_000_000
    down = channel.unary_stream(name("Down"))(b"abc" * 100, metadata=known, timeout=30)
    assert sum(1 for one in down if one == b"abc" * 100) == 1000
    up = channel.stream_unary(name("Up"))((b"x" * 1000 for _ in range(1000)), metadata=known, timeout=30)
    assert up == b"1000000"
    both = channel.stream_stream(name("Both"))((b"%d" % one for one in range(1000)), metadata=known, timeout=30)
    assert [int(one[::-1]) for one in both] == list(range(1000))
    denied(grpc.StatusCode.DATA_LOSS, lambda: channel.unary_unary(name("Fail"))(b"", metadata=known, timeout=10))
    denied(grpc.StatusCode.UNAUTHENTICATED, lambda: unary(b"", timeout=10))
    denied(grpc.StatusCode.UNAUTHENTICATED, lambda: unary(b"", metadata=unknown, timeout=10))
    denied(grpc.StatusCode.PERMISSION_DENIED, lambda: channel.unary_unary("/demo.Admin/Unary")(b"", metadata=known, timeout=10))
    denied(grpc.StatusCode.UNIMPLEMENTED, lambda: channel.unary_unary("/other/Unary")(b"", metadata=known, timeout=10))
    print("all calls were as they shall be")


if __name__ == "__main__":
    {"serve": lambda: serve(int(sys.argv[2])), "call": lambda: call(int(sys.argv[2]), sys.argv[3])}[sys.argv[1]]()
