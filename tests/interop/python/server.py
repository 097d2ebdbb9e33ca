"""grpcio's server on a free port of loopback, told on the first line of standard output."""

import sys
import time
from concurrent import futures

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection

import echo

CODES = {status.value[0]: status for status in grpc.StatusCode}


class Call:
    def __init__(self, context):
        self.context = context
        metadata = context.invocation_metadata()
        self.asked = dict(metadata)
        if self.asked.get("echo-gzip"):
            context.set_compression(grpc.Compression.Gzip)
        context.send_initial_metadata([pair for pair in metadata if pair[0].startswith("echo-header-")])
        context.set_trailing_metadata([pair for pair in metadata if pair[0].startswith("echo-trailer-")])

    def work(self):
        time.sleep(int(self.asked.get("work-ms", 0)) / 1000)

    def end(self):
        code = int(self.asked.get("echo-status", 0))
        if code != 0:
            self.context.abort(CODES[code], self.asked.get("echo-message", ""))


def unary(request, context):
    call = Call(context)
    call.work()
    call.end()
    return request


def server_stream(request, context):
    call = Call(context)
    for _ in range(int(call.asked.get("echo-count", 1))):
        call.work()
        yield request
    call.end()


def client_stream(requests, context):
    call = Call(context)
    last = echo.Message()
    for last in requests:
        pass
    call.work()
    call.end()
    return last


def bidi(requests, context):
    call = Call(context)
    for request in requests:
        call.work()
        yield request
    call.end()


def search(_request, context):
    status = status_pb2.Status(code=5, message=echo.NOT_HERE)
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason="ASKED", domain="interop"))
    status.details.append(detail)
    context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
    context.abort(grpc.StatusCode.NOT_FOUND, echo.NOT_HERE)


def main():
    coders = {"request_deserializer": echo.Message.FromString, "response_serializer": echo.Message.SerializeToString}
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary, **coders),
        "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream, **coders),
        "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream, **coders),
        "Bidi": grpc.stream_stream_rpc_method_handler(bidi, **coders),
    }
    searching = {"Search": grpc.unary_unary_rpc_method_handler(search, **coders)}
    # With as many threads as calls may be at work at once.
    server = grpc.server(futures.ThreadPoolExecutor(128))
    server.add_generic_rpc_handlers([
        grpc.method_handlers_generic_handler(echo.SERVICE, handlers),
        grpc.method_handlers_generic_handler("proto.SearchService", searching),
    ])
    reflection.enable_server_reflection([echo.SERVICE, reflection.SERVICE_NAME], server, pool=echo.POOL)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    sys.stdin.read()
    server.stop(None)


main()
