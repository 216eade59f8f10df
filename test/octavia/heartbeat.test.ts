// SPDX-License-Identifier: Apache-2.0
// What the daemon sends is what Octavia's own code takes, and does not take.
import { execFileSync, type StdioOptions } from 'node:child_process';
import { expect, test } from 'vitest';
import { seal } from '../../src/heartbeat/envelope.ts';
import { PYTHON, pythonEnvironment } from '../support/octavia-controller.ts';

const decode = `
import json, sys
from octavia.amphorae.backends.health_daemon import status_message
from octavia.common import exceptions
try:
    message = status_message.unwrap_envelope(bytes.fromhex(sys.argv[1]), sys.argv[2])
    print(json.dumps(message))
except exceptions.InvalidHMACException:
    print('"refused"')
`;

/** As Octavia's health manager reads a datagram. */
function unwrap(datagram: Buffer, key: string): unknown {
  const argv = ['-W', 'ignore', '-c', decode, datagram.toString('hex'), key];
  const stdio: StdioOptions = ['ignore', 'pipe', 'ignore'];
  const lines = execFileSync(PYTHON, argv, { env: pythonEnvironment, stdio })
    .toString()
    .trim()
    .split('\n');
  return JSON.parse(lines.at(-1) ?? '') as unknown;
}

const message = {
  id: '6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b',
  ...{ seq: 7, ver: 3, listeners: {}, pools: {}, distributors: 2 },
};

test.each(['insecure', 'ein Schlüssel'])('a message that is sealed with %s', async (key) => {
  expect(unwrap(await seal(message, key), key)).toEqual(message);
});

test('a message that is sealed with another key, or was changed', async () => {
  const sealed = await seal(message, 'one');
  expect(unwrap(sealed, 'other')).toBe('refused');
  sealed[5] = (sealed[5] ?? 0) ^ 1;
  expect(unwrap(sealed, 'one')).toBe('refused');
});
