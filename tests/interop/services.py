"""gRPC reflection and health with the published packages, and the JSON mapping of the messages that reflection tells."""

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def check_services(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    names = sorted(database.get_services())
    pool, methods = DescriptorPool(database), {}
    for name in names:
        if name.startswith("caphub."):
            service = pool.FindServiceByName(name)
            methods[name] = sorted(m.name for m in service.methods)
    health = health_pb2_grpc.HealthStub(channel)
    states = {}
    for name in ["", *methods]:
        try:
            said = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            states[name] = health_pb2.HealthCheckResponse.ServingStatus.Name(said.status)
        except grpc.RpcError as error:
            states[name] = error.code().name
    return {"services": names, "methods": methods, "health": states, "hello": hello_by_reflection(channel, pool)}


def hello_by_reflection(channel, pool):
    """A call by somebody without our schema files: what a general tool does."""
    service = pool.FindServiceByName("caphub.v1.FederationService")
    method = service.FindMethodByName("Hello")
    asked = json_format.ParseDict({"versions": [1], "software": "reflection"}, GetMessageClass(method.input_type)())
    answer = GetMessageClass(method.output_type)
    call = channel.unary_unary(
        "/caphub.v1.FederationService/Hello",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )
    return json_format.MessageToDict(call(asked, timeout=10))["name"]
