// SPDX-License-Identifier: Apache-2.0

/** Bytes: the headers are in them, and what follows is padding. */
export const SHOWN = 512;

export function hexOf(bytes: Buffer): string {
  if (bytes.length <= SHOWN) return bytes.toString('hex');
  return `${bytes.toString('hex', 0, SHOWN)}… (${bytes.length} bytes)`;
}
