"""framescope.Echo and proto.SearchService of proto/, as far as these tests speak them, without generated code.

The one field that SearchRequest and SearchResponse have is the text of an EchoMessage.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "framescope.Echo"
SEARCH = "/proto.SearchService/Search"
# Name, whether the requests are a stream, whether the answers are.
METHODS = [("Unary", False, False), ("ServerStream", False, True), ("ClientStream", True, False), ("Bidi", True, True)]

FILE = descriptor_pb2.FileDescriptorProto(name="framescope/echo.proto", package="framescope", syntax="proto3")
MESSAGE = FILE.message_type.add(name="EchoMessage")
for number, (field, kind) in enumerate([("text", 9), ("payload", 12), ("number", 3)], start=1):
    MESSAGE.field.add(name=field, number=number, type=kind, label=1)
METHODS_OF_FILE = FILE.service.add(name="Echo").method
for name, requests, answers in METHODS:
    method = METHODS_OF_FILE.add(name=name, input_type=".framescope.EchoMessage", output_type=".framescope.EchoMessage")
    method.client_streaming, method.server_streaming = requests, answers
POOL = descriptor_pool.DescriptorPool()
POOL.Add(FILE)
Message = message_factory.GetMessageClass(POOL.FindMessageTypeByName("framescope.EchoMessage"))


def words(code):
    """The message that a call's status is to have."""
    return f"status {code}: 100 % as asked"


# What Search says.
NOT_HERE = "not here: \u2713 100 %"
