// SPDX-License-Identifier: Apache-2.0
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** An address and a port: `192.0.2.10:5555`, `[2001:db8::10]:5555`. */
const endpoint = z.string().transform((text, context) => {
  const found = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+)):(?<port>\d{1,5})$/.exec(text)?.groups;
  const address = found?.['six'] ?? found?.['four'] ?? '';
  const port = Number(found?.['port']);
  const isAddress =
    found?.['six'] === undefined ? ipaddr.IPv4.isValid(address) : ipaddr.IPv6.isValid(address);
  if (isAddress && port >= 1 && port <= 65_535) return { address, port };
  context.addIssue({
    code: 'custom',
    message: `must be an IP address and a port, as 192.0.2.10:5555: ${JSON.stringify(text)}`,
  });
  return z.NEVER;
});

/** Signs of life for Octavia's health managers; null = none. */
export const heartbeatSection = z
  .strictObject({
    /** What the messages are about. Octavia's health manager looks it up as an amphora. */
    id: z.uuid().toLowerCase(),
    /** Health managers, which get them in turn: Octavia's controller_ip_port_list. */
    controllers: z.array(endpoint).min(1),
    /** Holds the key that signs them, Octavia's heartbeat_key; read again each time. */
    keyFile: z.string().startsWith('/'),
    intervalSeconds: z.number().int().min(1).max(3600).default(10),
  })
  .nullable()
  .default(null);

export type HeartbeatConfig = NonNullable<z.infer<typeof heartbeatSection>>;
