// SPDX-License-Identifier: Apache-2.0

/** `DRAIN_STATE_DRAINED` without its `DRAIN_STATE_`. */
export function withoutPrefix(name: string | number, prefix: string): string {
  return String(name).replace(prefix, '');
}
