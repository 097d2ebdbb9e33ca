"""grpcio's client and server in one process: how long calls take, by the clock and of the processor, in seconds.

usage: bench.py CALLS AT_ONCE

Messages are octets that nobody parses.
"""

import sys
import threading
import time
from concurrent import futures

import grpc

CALLS, AT_ONCE = int(sys.argv[1]), int(sys.argv[2])
MESSAGE = b"\x0a\x0fa small message"


def main():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    handler = {"Unary": grpc.unary_unary_rpc_method_handler(lambda request, context: request)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("framescope.Echo", handler)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        unary = channel.unary_unary("/framescope.Echo/Unary")
        unary(MESSAGE, wait_for_ready=True)
        before = time.monotonic(), time.process_time()
        if AT_ONCE == 1:
            right = sum(unary(MESSAGE) == MESSAGE for _ in range(CALLS))
        else:
            right = many(unary)
        after = time.monotonic(), time.process_time()
    server.stop(None)
    if right != CALLS:
        raise SystemExit(f"{right} of {CALLS} answers are right")
    print(after[0] - before[0], after[1] - before[1])


def many(unary):
    room = threading.Semaphore(AT_ONCE)
    calls = []
    for _ in range(CALLS):
        room.acquire()
        call = unary.future(MESSAGE)
        call.add_done_callback(lambda _: room.release())
        calls.append(call)
    return sum(call.result() == MESSAGE for call in calls)


main()
