"""grpcio's server: echo.proto on a free port of loopback, told on the first line of standard output."""

import sys
import time
from concurrent import futures

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

import echo


class Call:
    def __init__(self, context):
        self.context = context
        self.asked = dict(context.invocation_metadata())
        back = [(name, value) for name, value in context.invocation_metadata() if name.startswith("x-")]
        if self.asked.get("want-gzip"):
            context.set_compression(grpc.Compression.Gzip)
        context.send_initial_metadata(back)
        context.set_trailing_metadata(back)

    def work(self):
        time.sleep(int(self.asked.get("want-delay-ms", 0)) / 1000)

    def end(self):
        code = int(self.asked.get("want-status", 0))
        if code == 0:
            return
        words = echo.WORDS.format(code)
        if self.asked.get("want-details"):
            status = status_pb2.Status(code=code, message=words)
            detail = any_pb2.Any()
            detail.Pack(error_details_pb2.ErrorInfo(reason="ASKED", domain="interop"))
            status.details.append(detail)
            trailers = list(self.context.trailing_metadata() or [])
            trailers.append(("grpc-status-details-bin", status.SerializeToString()))
            self.context.set_trailing_metadata(trailers)
        codes = {status.value[0]: status for status in grpc.StatusCode}
        self.context.abort(codes[code], words)


def unary(request, context):
    call = Call(context)
    call.work()
    call.end()
    return request


def server_stream(request, context):
    call = Call(context)
    for number in range(int(call.asked.get("want-messages", 1))):
        call.work()
        yield echo.Message(text=request.text, data=request.data, number=number)
    call.end()


def client_stream(requests, context):
    call = Call(context)
    last, number = echo.Message(), 0
    for last in requests:
        number += 1
    call.work()
    call.end()
    return echo.Message(text=last.text, data=last.data, number=number)


def bidi(requests, context):
    call = Call(context)
    for number, request in enumerate(requests):
        call.work()
        yield echo.Message(text=request.text, data=request.data, number=number)
    call.end()


def main():
    coders = {"request_deserializer": echo.Message.FromString, "response_serializer": echo.Message.SerializeToString}
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary, **coders),
        "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream, **coders),
        "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream, **coders),
        "Bidi": grpc.stream_stream_rpc_method_handler(bidi, **coders),
    }
    server = grpc.server(futures.ThreadPoolExecutor(128))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(echo.SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    sys.stdin.read()
    server.stop(None)


main()
