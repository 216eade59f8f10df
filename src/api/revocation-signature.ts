// SPDX-License-Identifier: Apache-2.0
import { verify, type KeyObject } from 'node:crypto';
import type { RevocationList } from './der.ts';

/** Digests by signature algorithm (RFC 3279, 4055, 5758, 8410); null: one of its own. */
const digests: ReadonlyMap<string, string | null> = new Map([
  // RSA (PKCS #1 1.5)
  ['2a864886f70d010105', 'sha1'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  // ECDSA
  ['2a8648ce3d0401', 'sha1'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  // Ed25519, Ed448
  ['2b6570', null],
  ['2b6571', null],
]);

/** Of an algorithm that is not known here: true. OpenSSL judges with each connection. */
export function isSignedBy(
  { signed, signatureAlgorithm, signature }: RevocationList,
  key: KeyObject,
): boolean {
  const digest = digests.get(signatureAlgorithm);
  if (digest === undefined) return true;
  try {
    return verify(digest, signed, key, signature);
  } catch {
    return false; // the algorithm is not one of such a key
  }
}
