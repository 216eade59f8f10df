// SPDX-License-Identifier: Apache-2.0
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import type { DistributordError, StatusName } from '../errors.ts';

const trailer = 'grpc-status-details-bin';
const domain = 'distributord';
const typeUrl = 'type.googleapis.com/google.rpc.ErrorInfo';

// The standard error model (google.rpc.Status and ErrorInfo), which every gRPC language
// can read; field numbers are theirs.
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
  },
});
const Status = types.lookupType('Status');
const ErrorInfo = types.lookupType('ErrorInfo');

const codes: Record<StatusName, status> = {
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
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
export function toStatus(error: DistributordError): Partial<StatusObject> {
  const code = codes[error.kind.status];
  const fields = Object.entries({
    field: error.field,
    value: error.value,
    retryable: String(error.kind.retryable),
    action: error.kind.action,
  }).filter(([, value]) => value !== null);
  const info = { reason: error.reason, domain, metadata: Object.fromEntries(fields) };
  const details = [{ type_url: typeUrl, value: ErrorInfo.encode(info).finish() }];
  const metadata = new Metadata();
  metadata.set(
    trailer,
    Buffer.from(Status.encode({ code, message: error.message, details }).finish()),
  );
  return { code, details: error.message, metadata };
}

export interface ErrorInfoDetails {
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What toStatus() put into a failed call's trailers; null if it is not there. */
export function readErrorInfo(metadata: Metadata): ErrorInfoDetails | null {
  const [bytes] = metadata.get(trailer);
  if (!(bytes instanceof Buffer)) return null;
  const decoded = Status.toObject(Status.decode(bytes)) as {
    details?: { type_url: string; value: Uint8Array }[];
  };
  const any = decoded.details?.find(({ type_url }) => type_url === typeUrl);
  if (any === undefined) return null;
  return ErrorInfo.toObject(ErrorInfo.decode(any.value), {
    defaults: true,
  }) as unknown as ErrorInfoDetails;
}
