// SPDX-License-Identifier: Apache-2.0
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import type { DistributordError, StatusName } from '../errors.ts';

const trailer = 'grpc-status-details-bin';
const domain = 'distributord';
const errorInfoUrl = 'type.googleapis.com/google.rpc.ErrorInfo';
const retryInfoUrl = 'type.googleapis.com/google.rpc.RetryInfo';

// The standard error model (google.rpc.Status, ErrorInfo and RetryInfo), which every gRPC
// language can read; field numbers are theirs.
const types = protobuf.Root.fromJSON({
  nested: {
    Any: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
    Status: {
      fields: {
        code: { type: 'int32', id: 1 },
        message: { type: 'string', id: 2 },
        details: { rule: 'repeated', type: 'Any', id: 3 },
      },
    },
    ErrorInfo: {
      fields: {
        reason: { type: 'string', id: 1 },
        domain: { type: 'string', id: 2 },
        metadata: { keyType: 'string', type: 'string', id: 3 } as protobuf.IField,
      },
    },
    Duration: { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } },
    RetryInfo: { fields: { retry_delay: { type: 'Duration', id: 1 } } },
  },
});
const Status = types.lookupType('Status');
const ErrorInfo = types.lookupType('ErrorInfo');
const RetryInfo = types.lookupType('RetryInfo');

const codes: Record<StatusName, status> = {
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  NOT_FOUND: status.NOT_FOUND,
  ALREADY_EXISTS: status.ALREADY_EXISTS,
  FAILED_PRECONDITION: status.FAILED_PRECONDITION,
  ABORTED: status.ABORTED,
  OUT_OF_RANGE: status.OUT_OF_RANGE,
  RESOURCE_EXHAUSTED: status.RESOURCE_EXHAUSTED,
  UNAVAILABLE: status.UNAVAILABLE,
  INTERNAL: status.INTERNAL,
};

/** A DistributordError as the status of a call. */
export function toStatus(error: DistributordError): StatusObject {
  const code = codes[error.kind.status];
  const fields = Object.entries({
    field: error.field,
    value: error.value,
    retryable: String(error.kind.retryable),
    action: error.kind.action,
  }).filter(([, value]) => value !== null);
  const info = { reason: error.reason, domain, metadata: Object.fromEntries(fields) };
  const details = [
    { type_url: errorInfoUrl, value: ErrorInfo.encode(info).finish() },
    ...(error.retryAfterMs === null ? [] : [retryInfo(error.retryAfterMs)]),
  ];
  const metadata = new Metadata();
  metadata.set(
    trailer,
    Buffer.from(Status.encode({ code, message: error.message, details }).finish()),
  );
  return { code, details: error.message, metadata };
}

function retryInfo(ms: number) {
  const seconds = Math.floor(ms / 1000);
  const retry_delay = { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
  return { type_url: retryInfoUrl, value: RetryInfo.encode({ retry_delay }).finish() };
}

export interface ErrorInfoDetails {
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** How long a refused call should wait, in ms; null if its trailers do not say. */
export function readRetryDelay(metadata: Metadata): number | null {
  const value = detailOf(metadata, retryInfoUrl);
  if (value === null) return null;
  const { retry_delay } = RetryInfo.toObject(RetryInfo.decode(value), {
    longs: Number,
    defaults: true,
  }) as { retry_delay: { seconds: number; nanos: number } };
  return retry_delay.seconds * 1000 + retry_delay.nanos / 1e6;
}

/** What toStatus() put into a failed call's trailers; null if it is not there. */
export function readErrorInfo(metadata: Metadata): ErrorInfoDetails | null {
  const value = detailOf(metadata, errorInfoUrl);
  if (value === null) return null;
  return ErrorInfo.toObject(ErrorInfo.decode(value), {
    defaults: true,
  }) as unknown as ErrorInfoDetails;
}

function detailOf(metadata: Metadata, typeUrl: string): Uint8Array | null {
  const [bytes] = metadata.get(trailer);
  if (!(bytes instanceof Buffer)) return null;
  const decoded = Status.toObject(Status.decode(bytes)) as {
    details?: { type_url: string; value: Uint8Array }[];
  };
  return decoded.details?.find(({ type_url }) => type_url === typeUrl)?.value ?? null;
}
