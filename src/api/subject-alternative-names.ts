// SPDX-License-Identifier: Apache-2.0
import ipaddr from 'ipaddr.js';
import type { X509Certificate } from 'node:crypto';

/** OpenSSL's names of the kinds that may be configured, and how these are written there. */
const kinds: ReadonlyMap<string, string> = new Map([
  ['DNS', 'DNS'],
  ['URI', 'URI'],
  ['IP Address', 'IP'],
  ['email', 'email'],
]);

/** A name with anything special in it is quoted as JSON, so that none can pass for two. */
const entry = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy;

/** As `DNS:controller.example`, in the one form that canonicalName() gives. */
export function namesOf({
  subjectAltName,
}: Pick<X509Certificate, 'subjectAltName'>): readonly string[] {
  const text = subjectAltName ?? '';
  return [...text.matchAll(entry)].flatMap(([, kind = '', name = '']) => {
    const known = kinds.get(kind);
    if (known === undefined) return [];
    const plain = name.startsWith('"') ? (JSON.parse(name) as string) : name;
    return [canonicalName(`${known}:${plain}`)];
  });
}

/** DNS names do not know case, and an IP address can be written in several ways. */
export function canonicalName(name: string): string {
  const end = name.indexOf(':') + 1;
  const kind = name.slice(0, end);
  const value = name.slice(end);
  if (kind === 'DNS:') return kind + value.toLowerCase();
  if (kind === 'IP:' && ipaddr.isValid(value)) return kind + ipaddr.parse(value).toString();
  return name;
}
