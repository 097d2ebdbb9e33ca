"""grpcio as the client of `framescope serve`: all call kinds, metadata, gzip, errors, deadlines, large messages, many calls.

Usage: client_test.py FRAMESCOPE [NAME...]

Needs grpcio, grpcio-tools, grpcio-reflection and grpcio-health-checking. Starts the server itself, on a free port of this
machine, and ends it. Each case prints one line; the exit code is 1 if any failed.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from concurrent import futures

import grpc
from google.protobuf import descriptor_pool
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[3] / "proto"


def generate(folder):
    """Makes the Python modules of our own .proto files and puts them on the path."""
    names = ["search.proto", "stream.proto", "framescope/echo.proto"]
    arguments = ["protoc", f"-I{PROTO}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main(arguments + names) == 0
    sys.path.insert(0, folder)


class Server:
    """`framescope serve` on a free port."""

    def __init__(self, program, *arguments):
        command = [program, "serve", "--listen", "127.0.0.1:0", *arguments]
        self.stopped = False
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line
        self.address = line.removeprefix("listening on ").strip()

    def stop(self):
        """Asks for a graceful stop; a second signal would end the server at once."""
        if not self.stopped:
            self.stopped = True
            self.process.send_signal(signal.SIGTERM)

    def channel(self, **options):
        return grpc.insecure_channel(self.address, options=list(options.items()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        try:
            assert self.process.wait(10) == 0, self.process.returncode
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


CASES = []


def case(*arguments):
    """A test against a server that was started with these arguments."""

    def add(function):
        CASES.append((function.__name__, arguments, function))
        return function

    return add


@case()
def all_four_kinds_of_call(server):
    import search_pb2, search_pb2_grpc, stream_pb2, stream_pb2_grpc

    with server.channel() as channel:
        search = search_pb2_grpc.SearchServiceStub(channel)
        assert search.Search(search_pb2.SearchRequest(request="gRPC")).response == "gRPC Server"
        stream = stream_pb2_grpc.StreamServiceStub(channel)
        request = stream_pb2.StreamRequest(pt=stream_pb2.StreamPoint(name="List", value=2018))
        assert [answer.pt.value for answer in stream.List(request)] == list(range(2018, 2025))
        assert stream.Record(iter([request] * 6)).pt.value == 1
        assert [answer.pt.value for answer in stream.Route(iter([request] * 6))] == list(range(7))


@case()
def echo_in_all_four_kinds(server):
    echo_pb2, stub, channel = echo(server)
    with channel:
        messages = [echo_pb2.EchoMessage(text=str(n), payload=bytes([n]), number=-n) for n in range(5)]
        assert stub.Unary(messages[1]) == messages[1]
        assert list(stub.ServerStream(messages[2], metadata=[("echo-count", "3")])) == [messages[2]] * 3
        assert stub.ClientStream(iter(messages)) == messages[-1]
        assert list(stub.Bidi(iter(messages))) == messages


@case()
def metadata_travels_both_ways(server):
    echo_pb2, stub, channel = echo(server)
    octets = bytes(range(256))
    sent = [
        ("echo-header-a", "1"),
        ("echo-header-a", "2"),
        ("echo-header-bin", octets),
        ("echo-trailer-b", "x y"),
        ("echo-trailer-bin", b""),
        ("echo-trailer-c-bin", octets[::-1]),
    ]
    with channel:
        _, call = stub.Unary.with_call(echo_pb2.EchoMessage(), metadata=sent)
        headers = [(item.key, item.value) for item in call.initial_metadata()]
        trailers = [(item.key, item.value) for item in call.trailing_metadata()]
        assert [item for item in headers if item[0].startswith("echo-")] == sent[:3], headers
        assert [item for item in trailers if item[0].startswith("echo-")] == sent[3:], trailers


@case()
def every_status_with_its_message(server):
    echo_pb2, stub, channel = echo(server)
    with channel:
        for code in grpc.StatusCode:
            if code is grpc.StatusCode.OK:
                continue
            metadata = [("echo-status", str(code.value[0])), ("echo-message", "in words: 100 %")]
            for call in (stub.Unary, lambda *a, **k: list(stub.ServerStream(*a, **k))):
                error = failure(lambda: call(echo_pb2.EchoMessage(), metadata=metadata))
                assert (error.code(), error.details()) == (code, "in words: 100 %")


@case()
def errors_have_details(server):
    import search_pb2, search_pb2_grpc
    from google.rpc import error_details_pb2

    with server.channel() as channel:
        search = search_pb2_grpc.SearchServiceStub(channel)
        error = failure(lambda: search.Search(search_pb2.SearchRequest(request="status 3")))
        details = dict(error.trailing_metadata())["grpc-status-details-bin"]
        status = status_pb2.Status.FromString(details)
        info = error_details_pb2.ErrorInfo()
        assert status.code == 3 and status.details[0].Unpack(info), status
        assert info.reason == "ASKED_FOR"


@case()
def what_is_not_there_is_unimplemented(server):
    with server.channel() as channel:
        for path, words in [
            ("/framescope.Echo/No", "unknown method No for service framescope.Echo"),
            ("/no.Such/Method", "unknown service no.Such"),
        ]:
            error = failure(lambda: channel.unary_unary(path)(b""))
            assert (error.code(), error.details()) == (grpc.StatusCode.UNIMPLEMENTED, words), error


@case()
def a_deadline_passes(server):
    echo_pb2, stub, channel = echo(server)
    with channel:
        error = failure(lambda: stub.Unary(echo_pb2.EchoMessage(), metadata=[("work-ms", "2000")], timeout=0.1))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert stub.Unary(echo_pb2.EchoMessage(number=1), timeout=5).number == 1


@case()
def a_call_is_cancelled(server):
    echo_pb2, stub, channel = echo(server)
    with channel:
        answers = stub.ServerStream(echo_pb2.EchoMessage(), metadata=[("work-ms", "50"), ("echo-count", "100")])
        next(answers)
        answers.cancel()
        assert answers.code() is grpc.StatusCode.CANCELLED
        assert stub.Unary(echo_pb2.EchoMessage(number=1)).number == 1


@case("--gzip")
def gzip_both_ways(server):
    echo_pb2, stub, channel = echo(server)
    message = echo_pb2.EchoMessage(text="again and " * 20_000)
    with channel:
        for compression in (grpc.Compression.Gzip, grpc.Compression.NoCompression):
            assert stub.Unary(message, compression=compression) == message
            answers = stub.Bidi(iter([message] * 5), compression=compression)
            assert list(answers) == [message] * 5
        error = failure(lambda: stub.Unary(message, compression=grpc.Compression.Deflate))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED, error


@case()
def messages_of_a_mebibyte(server):
    echo_pb2, stub, channel = echo(server)
    message = echo_pb2.EchoMessage(payload=os.urandom(1 << 20))
    with channel:
        assert stub.Unary(message) == message
        assert list(stub.Bidi(iter([message] * 4))) == [message] * 4
        assert list(stub.ServerStream(message, metadata=[("echo-count", "4")])) == [message] * 4
        assert stub.ClientStream(iter([message] * 4)) == message


@case()
def a_hundred_calls_at_once(server):
    echo_pb2, stub, channel = echo(server)
    with channel:
        calls = [
            stub.Unary.future(echo_pb2.EchoMessage(number=n), metadata=[("work-ms", str(100 - n))]) for n in range(100)
        ]
        assert [call.result().number for call in calls] == list(range(100))


@case()
def more_calls_than_streams(server):
    echo_pb2, stub, channel = echo(server)
    with channel:
        calls = [stub.Unary.future(echo_pb2.EchoMessage(number=n)) for n in range(500)]
        assert [call.result().number for call in calls] == list(range(500))


@case()
def ten_thousand_calls_and_none_is_lost_or_mixed_up(server):
    echo_pb2, stub, channel = echo(server)
    limit = threading.Semaphore(100)
    answers = {}

    def ask(n):
        limit.acquire()
        call = stub.Unary.future(echo_pb2.EchoMessage(number=n, text=f"call {n}", payload=n.to_bytes(4, "big") * (n % 50)))
        call.add_done_callback(lambda _: limit.release())
        return call

    with channel:
        calls = [ask(n) for n in range(10_000)]
        for n, call in enumerate(calls):
            answers[n] = call.result()
    for n, answer in answers.items():
        assert (answer.number, answer.text) == (n, f"call {n}")
        assert answer.payload == n.to_bytes(4, "big") * (n % 50)
    assert len(answers) == 10_000


@case()
def a_hundred_connections(server):
    def ask(n):
        echo_pb2, stub, channel = echo(server, **{"grpc.use_local_subchannel_pool": 1})
        with channel:
            return stub.Unary(echo_pb2.EchoMessage(number=n)).number

    with futures.ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(100))) == list(range(100))


@case()
def reflection_lists_and_describes(server):
    with server.channel() as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = set(database.get_services())
        assert services == {
            "framescope.Echo",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "proto.SearchService",
            "proto.StreamService",
        }, services
        pool = descriptor_pool.DescriptorPool(database)
        for name in services:
            assert pool.FindServiceByName(name).methods, name
        route = pool.FindMethodByName("proto.StreamService.Route")
        assert route.input_type.fields_by_name["pt"].message_type.fields_by_name["value"].number == 2
        assert route.client_streaming and route.server_streaming
        assert pool.FindFileByName("google/protobuf/timestamp.proto").message_types_by_name["Timestamp"]


@case()
def reflection_says_what_it_does_not_find(server):
    with server.channel() as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest
        questions = [
            request(host="h", file_containing_symbol="no.Such"),
            request(file_by_filename="no.proto"),
            request(file_containing_extension={"containing_type": "no.Such", "extension_number": 1}),
            request(all_extension_numbers_of_type="no.Such"),
            request(all_extension_numbers_of_type="proto.SearchRequest"),
        ]
        answers = list(stub.ServerReflectionInfo(iter(questions)))
        assert [answer.original_request for answer in answers] == questions
        assert answers[0].valid_host == "h"
        assert [answer.error_response.error_code for answer in answers[:4]] == [5] * 4, answers
        assert answers[4].all_extension_numbers_response.base_type_name == "proto.SearchRequest"


@case()
def health_is_checked_listed_and_watched(server):
    with server.channel() as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest
        for service in ("", "framescope.Echo", "proto.SearchService"):
            assert stub.Check(request(service=service)).status == health_pb2.HealthCheckResponse.SERVING
        assert failure(lambda: stub.Check(request(service="no.Such"))).code() is grpc.StatusCode.NOT_FOUND
        if hasattr(stub, "List"):
            assert "framescope.Echo" in stub.List(health_pb2.HealthListRequest()).statuses
        unknown = stub.Watch(request(service="no.Such"))
        assert next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        unknown.cancel()
        watched = stub.Watch(request(service="framescope.Echo"))
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
        server.stop()
        assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert failure(lambda: next(watched)).code() is grpc.StatusCode.UNAVAILABLE


@case()
def a_graceful_stop_lets_calls_finish(server):
    echo_pb2, stub, channel = echo(server)
    with channel:
        call = stub.ServerStream(echo_pb2.EchoMessage(number=1), metadata=[("work-ms", "100"), ("echo-count", "5")])
        next(call)
        server.stop()
        assert len(list(call)) == 4


@case("--max-memory", "8MiB")
def who_makes_the_server_hold_too_much_is_ended(server):
    echo_pb2, stub, channel = echo(server)
    with channel:
        message = echo_pb2.EchoMessage(payload=bytes(1 << 20))
        calls = [stub.Unary.future(message, metadata=[("work-ms", "3000")]) for _ in range(14)]
        errors = [call.exception() for call in calls]
        assert any(error.code() is grpc.StatusCode.UNAVAILABLE for error in errors), errors
        assert any("the server holds too much" in error.details() for error in errors), errors
    echo_pb2, stub, channel = echo(server, **{"grpc.use_local_subchannel_pool": 1})
    with channel:
        assert stub.Unary(message) == message


@case("--max-message", "1KiB")
def a_message_that_is_too_large_is_refused(server):
    echo_pb2, stub, channel = echo(server)
    with channel:
        error = failure(lambda: stub.Unary(echo_pb2.EchoMessage(payload=bytes(2000))))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED, error
        assert stub.Unary(echo_pb2.EchoMessage(number=1)).number == 1


@case("--interceptor", "logging,stamp,recovery,deadline=200ms")
def interceptors_see_every_call(server):
    echo_pb2, stub, channel = echo(server)
    with channel:
        _, call = stub.Unary.with_call(echo_pb2.EchoMessage())
        assert dict(call.initial_metadata())["stamp"] == "logging,stamp"
        assert dict(call.trailing_metadata())["stamp"] == "deadline,recovery,stamp"
        error = failure(lambda: stub.Unary(echo_pb2.EchoMessage(), metadata=[("work-ms", "5000")]))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        error = failure(lambda: stub.Unary(echo_pb2.EchoMessage(), metadata=[("echo-fault", "broken")]))
        assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "the handler failed")
        assert stub.Unary(echo_pb2.EchoMessage(number=1)).number == 1


@case(
    "--answer",
    'proto.SearchService/Search={"$status": "NOT_FOUND", "$message": "not here", "$trailers": {"why": "so"},'
    ' "$details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R"}]}',
    "--answer",
    'proto.StreamService/List=[{"pt": {"name": "a"}}, {"pt": {"value": 7}}]',
    "--answer",
    'proto.StreamService/Record={"$metadata": {"m-bin": "AAE="}, "$messages": [{"pt": {"name": "r"}}], "$delay_ms": 20}',
    "--answer",
    'proto.StreamService/Route={"$each": true, "$messages": [{"pt": {"value": 1}}, {"pt": {"value": 2}}]}',
)
def canned_answers(server):
    import search_pb2, search_pb2_grpc, stream_pb2, stream_pb2_grpc
    from google.rpc import error_details_pb2

    with server.channel() as channel:
        error = failure(lambda: search_pb2_grpc.SearchServiceStub(channel).Search(search_pb2.SearchRequest()))
        assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "not here")
        trailers = dict(error.trailing_metadata())
        status, info = status_pb2.Status.FromString(trailers["grpc-status-details-bin"]), error_details_pb2.ErrorInfo()
        assert trailers["why"] == "so" and status.code == 5 and status.message == "not here"
        assert status.details[0].Unpack(info) and info.reason == "R"
        stream, request = stream_pb2_grpc.StreamServiceStub(channel), stream_pb2.StreamRequest()
        points = [(answer.pt.name, answer.pt.value) for answer in stream.List(request)]
        assert points == [("a", 0), ("", 7)]
        answer, call = stream.Record.with_call(iter([request] * 2))
        assert answer.pt.name == "r" and dict(call.initial_metadata())["m-bin"] == b"\x00\x01"
        assert [answer.pt.value for answer in stream.Route(iter([request] * 3))] == [1, 2, 1]


def echo(server, **options):
    from framescope import echo_pb2, echo_pb2_grpc

    channel = server.channel(**options)
    return echo_pb2, echo_pb2_grpc.EchoStub(channel), channel


def failure(call):
    """The error that a call ends with."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"it succeeded: {answer!r}")


def main():
    program, *wanted = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        generate(folder)
        for name, arguments, function in CASES:
            if wanted and name not in wanted:
                continue
            try:
                with Server(program, *arguments) as server:
                    function(server)
                print(f"ok      {name}", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
    print(f"grpcio {grpc.__version__}: {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
