"""grpcio's client: plays every case of the table against a server of echo.proto; a line for each that holds.

usage: client.py HOST:PORT [load CALLS AT_ONCE]
"""

import sys
import threading
import time
from concurrent import futures

import grpc
from google.rpc import status_pb2

import echo

ADDRESS = sys.argv[1]
LARGE = [("grpc.max_receive_message_length", 8 << 20), ("grpc.max_send_message_length", 8 << 20)]


def methods(channel):
    coders = {"request_serializer": echo.Message.SerializeToString, "response_deserializer": echo.Message.FromString}
    path = f"/{echo.SERVICE}/"
    return (
        channel.unary_unary(path + "Unary", **coders),
        channel.unary_stream(path + "ServerStream", **coders),
        channel.stream_unary(path + "ClientStream", **coders),
        channel.stream_stream(path + "Bidi", **coders),
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
        message = echo.Message(text="caf\u00e9", data=b"\0\xff")

        expect("unary", unary(message, timeout=10), message)
        print("unary")

        answers = list(server_stream(message, metadata=[("want-messages", "7")], timeout=10))
        expect("server stream", [(a.text, a.number) for a in answers], [(message.text, n) for n in range(7)])
        print("server-streaming")

        answer = client_stream((echo.Message(text=f"{n}") for n in range(6)), timeout=10)
        expect("client stream", (answer.text, answer.number), ("5", 6))
        print("client-streaming")

        turn = threading.Semaphore(1)

        def alternating():
            for n in range(20):
                turn.acquire()
                yield echo.Message(text=f"{n}")

        found = []
        for answer in bidi(alternating(), timeout=10):
            found.append((answer.text, answer.number))
            turn.release()
        expect("bidi", found, [(f"{n}", n) for n in range(20)])
        print("bidi")

        sent = [("x-text", "a b, c"), ("x-some-bin", bytes(range(256))), ("x-text", "again")]
        _, call = unary.with_call(message, metadata=sent, timeout=10)
        pick = lambda pairs: sorted((k, v) for k, v in pairs if k.startswith("x-"))
        expect("initial metadata", pick(call.initial_metadata()), sorted(sent))
        expect("trailing metadata", pick(call.trailing_metadata()), sorted(sent))
        print("metadata")

        text = echo.Message(text="gzip " * 2000)
        answer = unary(text, compression=grpc.Compression.Gzip, metadata=[("want-gzip", "1")], timeout=10)
        expect("gzip", answer, text)
        print("gzip")

        for code in range(1, 17):
            error = failure(lambda: unary(message, metadata=[("want-status", str(code))], timeout=10))
            expect("status", (error.code().value[0], error.details()), (code, echo.WORDS.format(code)))
        asked = [("want-status", "5"), ("want-details", "1")]
        error = failure(lambda: unary(message, metadata=asked, timeout=10))
        details = dict(error.trailing_metadata())["grpc-status-details-bin"]
        status = status_pb2.Status.FromString(details)
        expect("details", (status.code, status.details[0].type_url), (5, "type.googleapis.com/google.rpc.ErrorInfo"))
        error = failure(lambda: channel.unary_unary("/interop.Echo/Nothing")(b"", timeout=10))
        expect("unknown method", error.code(), grpc.StatusCode.UNIMPLEMENTED)
        print("errors")

        before = time.monotonic()
        error = failure(lambda: unary(message, metadata=[("want-delay-ms", "30000")], timeout=0.2))
        expect("deadline", error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        if time.monotonic() - before > 10:
            raise SystemExit("the deadline was not kept")
        print("deadline")

        large = echo.Message(data=bytes(range(256)) * 4096)
        expect("1 MiB", unary(large, timeout=30), large)
        print("1 MiB")

        calls = [unary.future(echo.Message(number=n), metadata=[("want-delay-ms", "20")], timeout=30) for n in range(100)]
        expect("100 at once", [call.result().number for call in calls], list(range(100)))
        print("100 at once")


def load(calls, at_once):
    """Many calls; each answer must be the one to its own request."""
    with grpc.insecure_channel(ADDRESS) as channel:
        unary = methods(channel)[0]

        def one(number):
            message = echo.Message(text=f"call {number}", data=bytes([number % 251]) * (number % 700), number=number)
            return unary(message, timeout=60) == message

        before = time.monotonic()
        with futures.ThreadPoolExecutor(at_once) as pool:
            right = sum(pool.map(one, range(calls)))
        expect("answers that are right", right, calls)
        print(f"{calls} calls, {at_once} at once, {calls / (time.monotonic() - before):.0f} a second")


if len(sys.argv) > 2:
    load(int(sys.argv[3]), int(sys.argv[4]))
else:
    cases()
