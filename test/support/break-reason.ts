// SPDX-License-Identifier: Apache-2.0
import type { BreakReason } from './client-protocol.ts';

const REASONS: ReadonlyMap<string, BreakReason> = new Map([
  ['ECONNREFUSED', 'reset'],
  ['ECONNRESET', 'reset'],
  ['EPIPE', 'reset'],
  ['ETIMEDOUT', 'stalled'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EACCES', 'unreachable'],
]);

/** What a socket's error says about the connection. */
export function breakReason(error: Error): BreakReason {
  const code = 'code' in error ? String(error.code) : '';
  return REASONS.get(code) ?? 'failed';
}
