"""grpcio's clients of server reflection and health checking; a line for each case that holds.

usage: services.py HOST:PORT

After the line `watching` the server must be stopped gracefully.
"""

import sys

import grpc
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import echo

SERVICES = {
    "framescope.Echo",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "proto.SearchService",
    "proto.StreamService",
}


def reflection(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    services = set(database.get_services())
    assert services == SERVICES, services
    pool = descriptor_pool.DescriptorPool(database)
    for name in services:
        assert pool.FindServiceByName(name).methods, name
    route = pool.FindMethodByName("proto.StreamService.Route")
    assert route.input_type.fields_by_name["pt"].message_type.fields_by_name["value"].number == 2
    assert route.client_streaming and route.server_streaming
    print("reflection: lists and describes", flush=True)

    request = reflection_pb2.ServerReflectionRequest
    questions = [
        request(host="h", file_containing_symbol="no.Such"),
        request(file_by_filename="no.proto"),
        request(file_containing_extension={"containing_type": "no.Such", "extension_number": 1}),
        request(all_extension_numbers_of_type="no.Such"),
        request(all_extension_numbers_of_type="proto.SearchRequest"),
    ]
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    answers = list(stub.ServerReflectionInfo(iter(questions), timeout=60))
    assert [answer.original_request for answer in answers] == questions
    assert answers[0].valid_host == "h"
    assert [answer.error_response.error_code for answer in answers[:4]] == [5] * 4, answers
    assert answers[4].all_extension_numbers_response.base_type_name == "proto.SearchRequest"
    print("reflection: says what it does not find", flush=True)


def health(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    request, response = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
    for service in ("", "framescope.Echo", "proto.SearchService"):
        assert stub.Check(request(service=service), timeout=60).status == response.SERVING
    try:
        answer = stub.Check(request(service="no.Such"), timeout=60)
        raise SystemExit(f"a service that is not there is {answer}")
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.NOT_FOUND, error
    if hasattr(stub, "List"):
        assert "framescope.Echo" in stub.List(health_pb2.HealthListRequest(), timeout=60).statuses
    unknown = stub.Watch(request(service="no.Such"), timeout=60)
    assert next(unknown).status == response.SERVICE_UNKNOWN
    unknown.cancel()
    print("health: checks and lists", flush=True)

    coders = {"request_serializer": echo.Message.SerializeToString, "response_deserializer": echo.Message.FromString}
    slow = channel.unary_stream(f"/{echo.SERVICE}/ServerStream", **coders)
    message = echo.Message(number=1)
    answers = slow(message, metadata=[("work-ms", "200"), ("echo-count", "5")], timeout=120)
    assert next(answers) == message

    watched = stub.Watch(request(service="framescope.Echo"), timeout=120)
    assert next(watched).status == response.SERVING
    print("watching", flush=True)
    assert next(watched).status == response.NOT_SERVING
    assert list(answers) == [message] * 4
    print("graceful stop: calls finish", flush=True)
    try:
        next(watched)
        raise SystemExit("the watch went on")
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.UNAVAILABLE, error
    print("health: watches until the server stops", flush=True)


with grpc.insecure_channel(sys.argv[1]) as channel:
    reflection(channel)
    health(channel)
