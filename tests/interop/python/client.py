"""grpcio's client: plays every case against a server of framescope.Echo; a line for each that holds.

usage: client.py HOST:PORT [load CALLS AT_ONCE]
"""

import sys
import threading
import time
from concurrent import futures

import grpc
from google.rpc import error_details_pb2, status_pb2

import echo

ADDRESS = sys.argv[1]
LARGE = [("grpc.max_receive_message_length", 8 << 20), ("grpc.max_send_message_length", 8 << 20)]
CODERS = {"request_serializer": echo.Message.SerializeToString, "response_deserializer": echo.Message.FromString}


def methods(channel):
    path = f"/{echo.SERVICE}/"
    return (
        channel.unary_unary(path + "Unary", **CODERS),
        channel.unary_stream(path + "ServerStream", **CODERS),
        channel.stream_unary(path + "ClientStream", **CODERS),
        channel.stream_stream(path + "Bidi", **CODERS),
    )


def expect(what, found, wanted):
    if found != wanted:
        raise SystemExit(f"{what}: {found!r} instead of {wanted!r}")


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise SystemExit("a call succeeded that should not")


def cases():
    with grpc.insecure_channel(ADDRESS, LARGE) as channel:
        unary, server_stream, client_stream, bidi = methods(channel)
        message = echo.Message(text="caf\u00e9", payload=b"\0\xff", number=-7)

        expect("unary", unary(message, timeout=60), message)
        print("unary")

        answers = list(server_stream(message, metadata=[("echo-count", "7")], timeout=60))
        expect("server stream", answers, [message] * 7)
        print("server-streaming")

        numbered = [echo.Message(number=n) for n in range(20)]
        expect("client stream", client_stream(iter(numbered[:6]), timeout=60), numbered[5])
        print("client-streaming")

        turn = threading.Semaphore(1)

        def alternating():
            for request in numbered:
                turn.acquire()
                yield request

        found = []
        for answer in bidi(alternating(), timeout=60):
            found.append(answer)
            turn.release()
        expect("bidi", found, numbered)
        print("bidi")

        def sent(where):
            return [(f"echo-{where}-bin", bytes(range(256))), (f"echo-{where}-text", "a b, c"), (f"echo-{where}-text", "again")]

        _, call = unary.with_call(message, metadata=sent("header") + sent("trailer"), timeout=60)
        pick = lambda pairs: sorted((name, value) for name, value in pairs if name.startswith("echo-"))
        expect("initial metadata", pick(call.initial_metadata()), sent("header"))
        expect("trailing metadata", pick(call.trailing_metadata()), sent("trailer"))
        print("metadata")

        text = echo.Message(text="gzip " * 2000)
        asked = {"compression": grpc.Compression.Gzip, "metadata": [("echo-gzip", "1")], "timeout": 60}
        expect("gzip", unary(text, **asked), text)
        expect("gzip in a stream", list(bidi(iter([text] * 5), **asked)), [text] * 5)
        print("gzip")

        for code in range(1, 17):
            asked = [("echo-status", str(code)), ("echo-message", echo.words(code))]
            for call in (unary, lambda *a, **k: list(server_stream(*a, **k))):
                error = failure(lambda: call(message, metadata=asked, timeout=60))
                expect("status", (error.code().value[0], error.details()), (code, echo.words(code)))
        error = failure(lambda: channel.unary_unary(echo.SEARCH, **CODERS)(message, timeout=60))
        expect("status with details", (error.code().value[0], error.details()), (5, echo.NOT_HERE))
        status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
        info = error_details_pb2.ErrorInfo()
        expect("details", (status.code, status.details[0].Unpack(info), info.reason), (5, True, "ASKED"))
        for path in ("/framescope.Echo/Nothing", "/no.Such/Method"):
            error = failure(lambda: channel.unary_unary(path)(b"", timeout=60))
            expect("unknown method", error.code(), grpc.StatusCode.UNIMPLEMENTED)
        print("errors")

        before = time.monotonic()
        error = failure(lambda: unary(message, metadata=[("work-ms", "30000")], timeout=0.2))
        expect("deadline", error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        if time.monotonic() - before > 25:
            raise SystemExit("the deadline was not kept")
        expect("a call after that", unary(message, timeout=60), message)
        print("deadline")

        answers = server_stream(message, metadata=[("work-ms", "50"), ("echo-count", "100")], timeout=60)
        expect("first answer", next(answers), message)
        answers.cancel()
        expect("cancelled", answers.code(), grpc.StatusCode.CANCELLED)
        expect("a call after that", unary(message, timeout=60), message)
        print("cancellation")

        large = echo.Message(payload=bytes(range(256)) * 4096)
        expect("1 MiB", unary(large, timeout=60) == large, True)
        expect("4 times 1 MiB", list(bidi(iter([large] * 4), timeout=60)) == [large] * 4, True)
        print("1 MiB")

        asked = {"metadata": [("work-ms", "20")], "timeout": 60}
        calls = [unary.future(echo.Message(number=n), **asked) for n in range(100)]
        expect("100 at once", [call.result().number for call in calls], list(range(100)))
        calls = [unary.future(echo.Message(number=n), timeout=60) for n in range(500)]
        expect("more than there may be streams", [call.result().number for call in calls], list(range(500)))
        print("100 at once")


def load(calls, at_once):
    """Many calls; each answer must be the one to its own request."""
    with grpc.insecure_channel(ADDRESS) as channel:
        unary = methods(channel)[0]

        def one(number):
            message = echo.Message(text=f"call {number}", payload=bytes([number % 251]) * (number % 700), number=number)
            return unary(message, timeout=120) == message

        before = time.monotonic()
        with futures.ThreadPoolExecutor(at_once) as pool:
            right = sum(pool.map(one, range(calls)))
        expect("answers that are right", right, calls)
        print(f"{calls} calls, {at_once} at once, {calls / (time.monotonic() - before):.0f} a second")


if len(sys.argv) > 2:
    load(int(sys.argv[3]), int(sys.argv[4]))
else:
    cases()
