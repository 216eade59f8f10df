# SPDX-License-Identifier: Apache-2.0
"""What a failed call says, in gRPC's error model."""
from __future__ import annotations

from typing import Any, NamedTuple, Optional

from .messages import error_details_pb2

_TRAILER = "grpc-status-details-bin"


class Answer(NamedTuple):
    """`reason` is null where not the daemon but gRPC itself failed the call."""

    message: str
    reason: Optional[str]
    field: Optional[str]
    value: Optional[str]
    retryable: bool
    #: Seconds that the daemon asks to wait.
    retry_after: Optional[float]


def answer_of(error: Any) -> Answer:
    """`error`: a grpc.RpcError that is also a grpc.Call."""
    status = error_details_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == _TRAILER:
            status.ParseFromString(value)
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.type_url.endswith("/google.rpc.ErrorInfo"):
            info.ParseFromString(detail.value)
        elif detail.type_url.endswith("/google.rpc.RetryInfo"):
            retry.ParseFromString(detail.value)
    delay = retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None
    return Answer(
        message=error.details() or "",
        reason=info.reason or None,
        field=info.metadata.get("field"),
        value=info.metadata.get("value"),
        retryable=info.metadata.get("retryable") == "true",
        retry_after=delay,
    )
