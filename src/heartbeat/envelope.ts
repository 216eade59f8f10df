// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto';
import { promisify } from 'node:util';
import { deflate, constants } from 'node:zlib';

/**
 * A message as Octavia's health manager accepts it
 * (octavia.amphorae.backends.health_daemon.status_message): its JSON, compressed by zlib, and the
 * HMAC-SHA256 of that in hexadecimal.
 */
export async function seal(message: object, key: string): Promise<Buffer> {
  const payload = await promisify(deflate)(JSON.stringify(message), {
    level: constants.Z_BEST_COMPRESSION,
  });
  const digest = createHmac('sha256', key).update(payload).digest('hex');
  return Buffer.concat([payload, Buffer.from(digest)]);
}
