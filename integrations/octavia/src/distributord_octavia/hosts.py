# SPDX-License-Identifier: Apache-2.0
"""Calls to one distributor host."""
from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Optional

import grpc
from oslo_context import context as oslo_context
from oslo_log import log as logging

from .exceptions import CertificateRefused, HostBusy, HostError, HostRefused, HostUnreachable
from .exceptions import InvalidConfiguration
from .handshake import certificate_complaint
from .messages import distributor_pb2 as api
from .rpc_errors import Answer, answer_of
from .settings import Settings, TlsFiles

LOG = logging.getLogger(__name__)

_SERVICE = "/distributor.v1.DistributorService/"
_RESPONSES = {
    "CreateDistributor": api.CreateDistributorResponse,
    "DeleteDistributor": api.DeleteDistributorResponse,
    "AddVip": api.AddVipResponse,
    "RemoveVip": api.RemoveVipResponse,
    "RegisterAmphorae": api.RegisterAmphoraeResponse,
    "DrainAmphorae": api.DrainAmphoraeResponse,
    "UnregisterAmphorae": api.UnregisterAmphoraeResponse,
    "GetDistributor": api.Distributor,
    "ListDistributors": api.ListDistributorsResponse,
    "WatchDrain": api.WatchDrainResponse,
}
_LONGEST_WAIT_FACTOR = 10
#: The daemon means that another call came between, not that the same one should be tried again.
_STALE = "REVISION_MISMATCH"


class Session:
    """A connection to a host. Its calls repeat themselves as configured, and raise HostErrors."""

    def __init__(self, host: Host, channel: Any) -> None:
        self.host = host
        self._channel = channel

    def call(self, method: str, request: Any) -> Any:
        """Raises HostRefused, HostBusy, HostUnreachable or CertificateRefused."""
        stub = self._channel.unary_unary(
            _SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=_RESPONSES[method].FromString,
        )
        settings = self.host.settings
        for attempt in range(settings.retries + 1):
            try:
                return stub(request, timeout=settings.call_timeout, metadata=_metadata())
            except grpc.RpcError as error:
                answer = answer_of(error)
                code = error.code()
                if attempt == settings.retries or not _is_worth_repeating(code, answer):
                    raise self._failure(method, code, answer) from error
                wait = _wait_before(attempt, settings.retry_interval, answer)
                LOG.info("%s: %s: %s; again in %.1f s", self.host, method, answer.message, wait)
                time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def stream(self, method: str, request: Any, timeout: float) -> Iterator[Any]:
        """Responses until the end, or for `timeout` seconds. Raises as call(), and at once."""
        stub = self._channel.unary_stream(
            _SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=_RESPONSES[method].FromString,
        )
        try:
            yield from stub(request, timeout=timeout, metadata=_metadata())
        except grpc.RpcError as error:
            raise self._failure(method, error.code(), answer_of(error)) from error

    def _failure(self, method: str, code: Any, answer: Answer) -> HostError:
        name = str(self.host)
        text = f"{method}: {answer.message}"
        if answer.reason is None and code in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
        ):
            complaint = self.host.certificate_complaint()
            if complaint is not None:
                return CertificateRefused(name, f"{method}: {complaint}", value=complaint)
            return HostUnreachable(name, text)
        details = {"field": answer.field, "value": answer.value}
        reason = answer.reason or code.name
        if code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED):
            if answer.retryable:
                return HostBusy(name, text, reason=reason, **details)
        return HostRefused(name, text, reason=reason, **details)


class Host:
    """A distributor host. Connections are short: controllers fork, and certificates change."""

    def __init__(self, endpoint: str, settings: Settings) -> None:
        self.endpoint = endpoint
        self.settings = settings

    def __str__(self) -> str:
        return self.endpoint

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Raises InvalidConfiguration if certificate files cannot be read."""
        options = [
            # What this process found out about the host before does not count.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            # A host that is gone without a word is found out while a drain is watched.
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            # A page of distributors with a thousand amphorae each is larger than the default.
            ("grpc.max_receive_message_length", -1),
            # An HTTP proxy of the controller's environment has no business here.
            ("grpc.enable_http_proxy", 0),
        ]
        if self.endpoint.startswith("unix:"):
            channel = grpc.insecure_channel(self.endpoint, options=options)
        else:
            credentials = _credentials(self._tls())
            channel = grpc.secure_channel(self.endpoint, credentials, options=options)
        with channel:
            yield Session(self, channel)

    def certificate_complaint(self) -> Optional[str]:
        if self.endpoint.startswith("unix:"):
            return None
        return certificate_complaint(self.endpoint, self._tls(), min(5, self.settings.call_timeout))

    def _tls(self) -> TlsFiles:
        assert self.settings.tls is not None  # read_settings() wants it for such endpoints
        return self.settings.tls


def _credentials(tls: TlsFiles) -> Any:
    def read(path: str) -> bytes:
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            raise InvalidConfiguration(str(error), field="tls", value=path) from error

    return grpc.ssl_channel_credentials(
        root_certificates=read(tls.ca),
        private_key=read(tls.key),
        certificate_chain=read(tls.certificate),
    )


def _metadata() -> list[tuple[str, str]]:
    """Octavia's request id goes into the daemon's log, so that one search finds both sides."""
    current: Any = oslo_context.get_current()
    request_id = getattr(current, "request_id", None)
    return [("x-request-id", request_id)] if request_id else []


def _is_worth_repeating(code: Any, answer: Answer) -> bool:
    if answer.reason is None:
        return bool(code == grpc.StatusCode.UNAVAILABLE)
    return answer.retryable and answer.reason != _STALE


def _wait_before(attempt: int, interval: float, answer: Answer) -> float:
    if answer.retry_after is not None:
        return answer.retry_after
    return float(interval * min(2**attempt, _LONGEST_WAIT_FACTOR))


def is_stale(error: HostError) -> bool:
    """Whether the distributor was changed since it was read."""
    return error.reason == _STALE


HostTask = Callable[[Session], Any]
