// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from 'node:crypto';
import { roles, type Role, type TlsConfig } from '../config/listen.ts';
import { canonicalName, namesOf } from './subject-alternative-names.ts';

/** Who calls, as far as the listener can tell; limits per client are by name. */
export interface Caller {
  /** `unix`, `tcp 127.0.0.1`, or the name of a certificate. */
  readonly name: string;
  /** null: none of the certificate's names stands for one. */
  readonly role: Role | null;
}

/** The daemon's socket is guarded by its mode. */
export const unixCaller: Caller = { name: 'unix', role: 'admin' };

export function insecureCaller(address: string): Caller {
  return { name: `tcp ${address}`, role: 'admin' };
}

/** Of the names that a certificate has, the first of those with the highest role counts. */
export function certificateCaller(
  identities: TlsConfig['identities'],
  certificate: X509Certificate,
): Caller {
  const names = namesOf(certificate);
  for (const role of roles.toReversed()) {
    const known = new Set(
      identities.filter((identity) => identity.role === role).map(({ san }) => canonicalName(san)),
    );
    const name = names.find((candidate) => known.has(candidate));
    if (name !== undefined) return { name, role };
  }
  return { name: names[0] ?? `certificate ${certificate.serialNumber}`, role: null };
}

export function isAllowed(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}
