"""The messages of echo.proto and its conventions, without generated code."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FILE = descriptor_pb2.FileDescriptorProto(name="interop/echo.proto", package="interop", syntax="proto3")
MESSAGE = FILE.message_type.add(name="Message")
for number, (name, kind) in enumerate([("text", 9), ("data", 12), ("number", 5)], start=1):
    MESSAGE.field.add(name=name, number=number, type=kind, label=1)
POOL = descriptor_pool.DescriptorPool()
POOL.Add(FILE)
Message = message_factory.GetMessageClass(POOL.FindMessageTypeByName("interop.Message"))

# Name, whether the requests are a stream, whether the answers are.
METHODS = [("Unary", False, False), ("ServerStream", False, True), ("ClientStream", True, False), ("Bidi", True, True)]
SERVICE = "interop.Echo"
WORDS = "status {}, as was asked: \u2713"
