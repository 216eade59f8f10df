# SPDX-License-Identifier: Apache-2.0
"""Calls to a host, against a server that answers as it is told."""
from concurrent import futures

import grpc
import pytest
from oslo_context import context as oslo_context

from distributord_octavia import exceptions
from distributord_octavia.hosts import Host
from distributord_octavia.messages import distributor_pb2 as api
from distributord_octavia.messages import error_details_pb2
from distributord_octavia.settings import Settings

REQUEST = api.RemoveVipRequest(distributor_id="d")


def refusal(code, reason, retryable=False, retry_after=None, **fault):
    """What makes the server fail a call as the daemon does."""
    metadata = {"retryable": str(retryable).lower(), **fault}
    info = error_details_pb2.ErrorInfo(reason=reason, domain="distributord", metadata=metadata)
    status = error_details_pb2.Status(code=code.value[0], message=f"it is {reason}")
    status.details.add(
        type_url="type.googleapis.com/google.rpc.ErrorInfo", value=info.SerializeToString()
    )
    if retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(round(retry_after * 1000))
        status.details.add(
            type_url="type.googleapis.com/google.rpc.RetryInfo", value=retry.SerializeToString()
        )

    def fail(context):
        trailer = ("grpc-status-details-bin", status.SerializeToString())
        context.set_trailing_metadata((trailer,))
        context.abort(code, status.message)

    return fail


class Daemon:
    """Takes from `answers`, one for each call: a revision, or what fails the call."""

    def __init__(self, path):
        self.answers = []
        self.metadata = []
        self.endpoint = f"unix:{path}"
        handler = grpc.unary_unary_rpc_method_handler(
            self._answer,
            request_deserializer=api.RemoveVipRequest.FromString,
            response_serializer=api.RemoveVipResponse.SerializeToString,
        )
        service = grpc.method_handlers_generic_handler(
            "distributor.v1.DistributorService", {"RemoveVip": handler}
        )
        self.server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[service])
        self.server.add_insecure_port(self.endpoint)
        self.server.start()

    def _answer(self, request, context):
        self.metadata.append(dict(context.invocation_metadata()))
        answer = self.answers.pop(0)
        if callable(answer):
            answer(context)
        return api.RemoveVipResponse(revision=answer)


@pytest.fixture
def daemon(tmp_path):
    running = Daemon(tmp_path / "daemon.sock")
    yield running
    running.server.stop(None)


def settings(**changes):
    values = {
        "endpoints": (),
        "tls": None,
        "connection": "",
        "call_timeout": 5,
        "retries": 2,
        "retry_interval": 0.01,
        "default_affinity": "SOURCE_IP",
        "table_size": 4096,
        "interface_mappings": {},
        "resolves_amphorae": False,
        "drain_deadline": 1200,
        "proceeds_at_deadline": False,
        "drain_log_interval": 30,
        **changes,
    }
    return Settings(**values)


def call(daemon, **changes):
    with Host(daemon.endpoint, settings(**changes)).session() as session:
        return session.call("RemoveVip", REQUEST)


def test_an_answer_with_octavias_request_id(daemon):
    daemon.answers = [7]
    context = oslo_context.RequestContext(request_id="req-1234", overwrite=True)
    context.update_store()
    assert call(daemon).revision == 7
    assert daemon.metadata[0]["x-request-id"] == "req-1234"


def test_what_is_refused_has_the_daemons_reason_field_and_value(daemon):
    fault = {"field": "vip.address", "value": "x"}
    daemon.answers = [refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ADDRESS", **fault)]
    with pytest.raises(exceptions.HostRefused) as failed:
        call(daemon)
    error = failed.value
    assert (error.reason, error.field, error.value) == ("INVALID_ADDRESS", "vip.address", "x")
    assert str(error) == f"{daemon.endpoint}: RemoveVip: it is INVALID_ADDRESS"
    assert error.host == daemon.endpoint


BUSY = refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS", retryable=True)


def test_a_busy_host_is_asked_again(daemon):
    daemon.answers = [BUSY, BUSY, 7]
    assert call(daemon).revision == 7


def test_a_host_that_stays_busy(daemon):
    daemon.answers = [BUSY, BUSY, BUSY]
    with pytest.raises(exceptions.HostBusy) as failed:
        call(daemon)
    assert failed.value.reason == "TOO_MANY_CALLS"


def test_a_wait_that_the_daemon_asks_for_is_kept(daemon, monkeypatch):
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    daemon.answers = [refusal(code, "RATE_LIMITED", retryable=True, retry_after=1.5), BUSY, 7]
    assert call(daemon).revision == 7
    assert waits == [1.5, 0.02]


def test_what_moved_in_between_is_not_asked_again(daemon):
    code = grpc.StatusCode.ABORTED
    daemon.answers = [refusal(code, "REVISION_MISMATCH", retryable=True), 7]
    with pytest.raises(exceptions.HostRefused):
        call(daemon)
    assert daemon.answers == [7]


def test_a_host_that_is_away(daemon, tmp_path):
    daemon.endpoint = f"unix:{tmp_path}/missing.sock"
    with pytest.raises(exceptions.HostUnreachable):
        call(daemon)


def test_a_host_that_does_not_answer_in_time(daemon):
    held = futures.Future()
    daemon.answers = [lambda context: held.result(5)]
    with pytest.raises(exceptions.HostUnreachable):
        call(daemon, call_timeout=0.2)
    held.set_result(None)
