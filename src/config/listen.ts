// SPDX-License-Identifier: Apache-2.0
// Who may call: where the API listens, and which certificates stand for which role.
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** What a caller may do: read, or change as well. */
export const roles = ['reader', 'admin'] as const;

const path = z.string().startsWith('/');
/** 0: any free one, which the log names. */
const port = z.number().int().min(0).max(65_535);
const address = z.string().refine((text) => ipaddr.isValid(text), 'must be an IP address');

function isLoopback(text: string): boolean {
  return ipaddr.isValid(text) && ipaddr.parse(text).range() === 'loopback';
}

const identity = z.strictObject({
  /** A subject alternative name, as `DNS:controller.example`, `URI:spiffe://…`, `IP:…`, `email:…`. */
  san: z.string().regex(/^(DNS|URI|IP|email):\S+$/, {
    message: 'must be DNS:, URI:, IP: or email: and a name',
  }),
  role: z.enum(roles),
});

export const listen = z
  .strictObject({
    /** Unix socket of the API; readable and writable for owner and group, who are admins. */
    socket: path.max(107).default('/run/distributord/distributord.sock'),
    /** Group of the socket, by name or number; absent: the daemon's own. */
    group: z.union([z.string().min(1), z.number().int().min(0)]).optional(),
    /** TCP with TLS 1.3 and client certificates; absent: none. */
    tls: z
      .strictObject({
        address,
        port,
        /** PEM files: the daemon's certificate with its chain, and the key of it. */
        certificate: path,
        key: path,
        /** Who signs clients' certificates. */
        ca: path,
        /** Revoked certificates: a current list of every CA. Absent: none is revoked. */
        crl: path.optional(),
        /** A client has the highest role that one of its certificate's names stands for. */
        identities: z.array(identity).min(1),
      })
      .optional(),
    /** TCP without any protection, where everyone is an admin; loopback addresses only. */
    insecure: z
      .strictObject({
        address: z.string().refine(isLoopback, 'must be a loopback address'),
        port,
      })
      .optional(),
  })
  .prefault({});

export type ListenConfig = z.infer<typeof listen>;
export type TlsConfig = NonNullable<ListenConfig['tls']>;
export type Role = (typeof roles)[number];
