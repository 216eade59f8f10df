// SPDX-License-Identifier: Apache-2.0
// As much of DER (X.690) as is needed to see what a certificate or a list of revoked ones says
// of itself (RFC 5280); OpenSSL judges them.

const tags = {
  ...{ integer: 0x02, bitString: 0x03, oid: 0x06, version: 0xa0 },
  ...{ utcTime: 0x17, generalizedTime: 0x18 },
} as const;

interface Element {
  readonly tag: number;
  /** With tag and length. */
  readonly bytes: Buffer;
  readonly content: Buffer;
}

/** @throws RangeError */
function readElements(der: Buffer): readonly Element[] {
  const elements: Element[] = [];
  for (let start = 0; start < der.length;) {
    const tag = der.readUInt8(start);
    const first = der.readUInt8(start + 1);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const length = lengthBytes === 0 ? first : der.readUIntBE(start + 2, lengthBytes);
    const contentStart = start + 2 + lengthBytes;
    const end = contentStart + length;
    if (end > der.length) throw new RangeError('an element is longer than what holds it');
    elements.push({
      tag,
      bytes: der.subarray(start, end),
      content: der.subarray(contentStart, end),
    });
    start = end;
  }
  return elements;
}

/** What is signed, without its version. */
function signedPart(der: Buffer): readonly Element[] {
  const signed = readElements(readElements(der)[0]?.content ?? Buffer.alloc(0))[0];
  return readElements(signed?.content ?? Buffer.alloc(0));
}

/** The name of a certificate's owner, encoded. @throws RangeError */
export function subjectOf(certificate: Buffer): Buffer {
  const parts = signedPart(certificate).filter(({ tag }) => tag !== tags.version);
  // serialNumber, signature, issuer, validity, subject
  return requireElement(parts[4]).bytes;
}

export interface RevocationList {
  /** Encoded. */
  readonly issuer: Buffer;
  /** Seconds since the epoch. */
  readonly thisUpdate: number;
  /** Likewise; null: it says nothing of a next one. */
  readonly nextUpdate: number | null;
  /** What the signature is of. */
  readonly signed: Buffer;
  /** An object identifier, encoded, in hexadecimal. */
  readonly signatureAlgorithm: string;
  readonly signature: Buffer;
}

/** @throws RangeError */
export function readRevocationList(der: Buffer): RevocationList {
  const parts = signedPart(der).filter(({ tag }, index) => index > 0 || tag !== tags.integer);
  // signature, issuer, thisUpdate, nextUpdate
  const next = parts[3];
  const isTime = next?.tag === tags.utcTime || next?.tag === tags.generalizedTime;
  const [signed, algorithm, signature] = readElements(requireElement(readElements(der)[0]).content);
  const [identifier] = readElements(requireElement(algorithm).content);
  return {
    issuer: requireElement(parts[1]).bytes,
    thisUpdate: readTime(requireElement(parts[2])),
    nextUpdate: isTime ? readTime(next) : null,
    signed: requireElement(signed).bytes,
    signatureAlgorithm: requireElement(identifier, tags.oid).content.toString('hex'),
    // Its first byte counts bits that are none.
    signature: requireElement(signature, tags.bitString).content.subarray(1),
  };
}

/** UTCTime has two digits for the year, from 1950 to 2049. */
function readTime({ tag, content }: Element): number {
  const text = content.toString('latin1');
  const century = Number(text.slice(0, 2)) < 50 ? '20' : '19';
  const digits = tag === tags.utcTime ? century + text : text;
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits) ?? [];
  const [year, month, day, hour, minute, second] = parts.map(Number);
  if (year === undefined || month === undefined) throw new RangeError(`no time: ${text}`);
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
}

function requireElement(element: Element | undefined, tag = element?.tag): Element {
  if (element === undefined || element.tag !== tag) throw new RangeError('an element is missing');
  return element;
}
