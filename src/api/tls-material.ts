// SPDX-License-Identifier: Apache-2.0
// Certificate, key, CA and list of revoked certificates, as one set that fits together.
import { createHash, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsConfig } from '../config/listen.ts';
import { readRevocationList, subjectOf, type RevocationList } from './der.ts';
import { isSignedBy } from './revocation-signature.ts';

/** Files that do not fit; the message names key and file. */
export class TlsMaterialError extends Error {
  override readonly name = 'TlsMaterialError';
}

export interface TlsFiles {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
  readonly crl: Buffer | null;
  /** Of all of them: differs where one does. */
  readonly digest: string;
}

/** Times are seconds since the epoch. */
export interface TlsMaterial {
  readonly context: SecureContextOptions;
  readonly certificateNotAfter: number;
  /** Of the CA that expires first. */
  readonly caNotAfter: number;
  readonly crlNextUpdate: number | null;
}

/** @throws TlsMaterialError */
export async function readTlsFiles(config: TlsConfig): Promise<TlsFiles> {
  const [certificate, key, ca, crl] = await Promise.all([
    readOne(config, 'certificate'),
    readOne(config, 'key'),
    readOne(config, 'ca'),
    config.crl === undefined ? null : readOne(config, 'crl'),
  ]);
  const hash = createHash('sha256');
  for (const content of [certificate, key, ca, crl ?? Buffer.alloc(0)])
    hash.update(`${content.length} `).update(content);
  return { certificate, key, ca, crl, digest: hash.digest('base64') };
}

async function readOne(config: TlsConfig, name: FileKey): Promise<Buffer> {
  try {
    return await readFile(config[name] ?? '');
  } catch (error) {
    throw fault(config, name, (error as Error).message);
  }
}

/** Whether others than its owner may read the key. */
export async function isKeyExposed({ key }: TlsConfig): Promise<boolean> {
  return ((await stat(key)).mode & 0o077) !== 0;
}

/** Whether the files can be used as they are now. @throws TlsMaterialError */
export async function checkTlsFiles(config: TlsConfig): Promise<void> {
  buildTlsMaterial(config, await readTlsFiles(config), Date.now() / 1000);
}

/** `now`: seconds since the epoch. @throws TlsMaterialError */
export function buildTlsMaterial(
  config: TlsConfig,
  { certificate, key, ca, crl }: TlsFiles,
  now: number,
): TlsMaterial {
  const [own] = parseCertificates(config, 'certificate', certificate);
  if (own === undefined) throw fault(config, 'certificate', 'has no certificate in it');
  requireValidNow(config, own, now);
  if (!own.checkPrivateKey(parseKey(config, key)))
    throw fault(config, 'key', `is not the key of the certificate in ${config.certificate}`);
  const authorities = parseCertificates(config, 'ca', ca).filter(
    (authority) => validity(authority).notBefore <= now && now < validity(authority).notAfter,
  );
  if (authorities.length === 0) throw fault(config, 'ca', 'has no certificate that is valid now');
  const lists = crl === null ? null : parseLists(config, crl);
  if (lists !== null) requireCurrent(config, { authorities, lists, now });
  const context = { cert: certificate, key, ca, ...(crl === null ? {} : { crl }) };
  try {
    createSecureContext(context);
  } catch (error) {
    throw fault(config, 'certificate', `cannot be used: ${(error as Error).message}`);
  }
  const nextUpdates = (lists ?? []).flatMap(({ nextUpdate }) => nextUpdate ?? []);
  return {
    context,
    certificateNotAfter: validity(own).notAfter,
    caNotAfter: Math.min(...authorities.map((authority) => validity(authority).notAfter)),
    crlNextUpdate: nextUpdates.length === 0 ? null : Math.min(...nextUpdates),
  };
}

type FileKey = 'certificate' | 'key' | 'ca' | 'crl';

function fault(config: TlsConfig, name: FileKey, problem: string): TlsMaterialError {
  return new TlsMaterialError(`listen.tls.${name} ${config[name] ?? ''}: ${problem}`);
}

function pemBlocks(text: Buffer, label: string): readonly string[] {
  const block = new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g');
  return text.toString('latin1').match(block) ?? [];
}

function parseCertificates(
  config: TlsConfig,
  name: FileKey,
  text: Buffer,
): readonly X509Certificate[] {
  try {
    return pemBlocks(text, 'CERTIFICATE').map((block) => new X509Certificate(block));
  } catch (error) {
    throw fault(config, name, `cannot be parsed: ${(error as Error).message}`);
  }
}

function parseKey(config: TlsConfig, text: Buffer): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    // What OpenSSL says of it may quote from it.
    throw fault(config, 'key', 'cannot be parsed: is it an unencrypted PEM key?');
  }
}

function parseLists(config: TlsConfig, text: Buffer): readonly RevocationList[] {
  const blocks = pemBlocks(text, 'X509 CRL');
  if (blocks.length === 0) throw fault(config, 'crl', 'has no list of revoked certificates in it');
  try {
    return blocks.map((block) =>
      readRevocationList(Buffer.from(block.replaceAll(/-----[^-]*-----/g, ''), 'base64')),
    );
  } catch (error) {
    throw fault(config, 'crl', `cannot be parsed: ${(error as Error).message}`);
  }
}

function validity({ validFromDate, validToDate }: X509Certificate) {
  return { notBefore: validFromDate.getTime() / 1000, notAfter: validToDate.getTime() / 1000 };
}

function requireValidNow(config: TlsConfig, certificate: X509Certificate, now: number): void {
  const { notBefore, notAfter } = validity(certificate);
  if (now < notBefore)
    throw fault(config, 'certificate', `is not valid before ${certificate.validFrom}`);
  if (now >= notAfter) throw fault(config, 'certificate', `expired ${certificate.validTo}`);
}

/** OpenSSL refuses every client of a CA whose list is missing, not its own, or not of this time. */
function requireCurrent(
  config: TlsConfig,
  {
    authorities,
    lists,
    now,
  }: {
    readonly authorities: readonly X509Certificate[];
    readonly lists: readonly RevocationList[];
    readonly now: number;
  },
): void {
  for (const { thisUpdate, nextUpdate } of lists) {
    if (thisUpdate > now)
      throw fault(
        config,
        'crl',
        `is not valid before ${new Date(thisUpdate * 1000).toISOString()}`,
      );
    if (nextUpdate !== null && nextUpdate <= now)
      throw fault(config, 'crl', `expired ${new Date(nextUpdate * 1000).toISOString()}`);
  }
  for (const { raw, subject, publicKey } of authorities) {
    const own = lists.filter(({ issuer }) => issuer.equals(subjectOf(raw)));
    const name = subject.replaceAll('\n', ', ');
    if (own.length === 0) throw fault(config, 'crl', `has no list of ${name}`);
    if (!own.some((list) => isSignedBy(list, publicKey)))
      throw fault(config, 'crl', `its list of ${name} is not signed with the key of ${config.ca}`);
  }
}
