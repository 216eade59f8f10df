// SPDX-License-Identifier: Apache-2.0

/** Told of every call: for metrics. */
export interface CallObserver {
  started(method: string): void;
  /** `method`: full path; `code`: name of the gRPC status (OK, ...); streams when they end. */
  ended(call: {
    readonly method: string;
    readonly code: string;
    readonly seconds: number;
    readonly streaming: boolean;
  }): void;
  /** A call or connection that a limit turned away, or a failed TLS handshake; `reason` is one of a small closed set. */
  refused(reason: string): void;
}

/** All that `refused` is told. */
export const refusals = [
  'connections',
  'connections-per-address',
  'tls-handshake',
  'handshake-timeout',
  'no-role',
  'role',
  'rate',
  'streams',
  'calls',
  'watches',
  'metadata',
  'message',
  'timeout',
] as const;

export type Refusal = (typeof refusals)[number];

export const silentObserver: CallObserver = { started() {}, ended() {}, refused() {} };
