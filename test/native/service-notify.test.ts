// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { native } from '../../src/datapath/native.ts';
import { NotifySocket } from '../support/notify-socket.ts';
import { callLoosely, errorOf } from './native-error.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'notify-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

test.each([
  ['a path', () => join(directory, 'notify.sock')],
  ['an abstract name', () => `@distributord-test-${randomUUID()}`],
])('a state goes as one datagram to %s', async (_, address) => {
  const socket = address();
  const manager = await NotifySocket.open(socket);
  try {
    native.notifyService({ socket, state: 'READY=1\nSTATUS=serving' });
    native.notifyService({ socket, state: 'WATCHDOG=1' });
    await manager.hears('WATCHDOG=1');
    expect(manager.heard).toEqual(['READY=1\nSTATUS=serving', 'WATCHDOG=1']);
  } finally {
    await manager.close();
  }
});

test.each([
  ['a missing socket', '/nowhere/notify.sock', 'ENOENT'],
  ['an abstract name that nobody has', `@distributord-test-${randomUUID()}`, 'ECONNREFUSED'],
])('%s is an error with its errno', (_, socket, code) => {
  const error = errorOf(() => native.notifyService({ socket, state: 'READY=1' }));
  expect(error).toMatchObject({ code, syscall: 'sendto(notify)' });
});

test.each([
  ['socket', [undefined, null, 1, '', '/', '@', 'relative', `/${'x'.repeat(108)}`]],
  ['state', [undefined, null, 1]],
])('a malformed %s is refused by name', (field, values) => {
  for (const value of values) {
    const notice = { socket: '/nowhere', state: 'READY=1', [field]: value };
    const error = errorOf(() => callLoosely(native, 'notifyService', [notice]));
    expect(error).toMatchObject({ code: 'BAD_ARGUMENT' });
    expect(error.message).toMatch(new RegExp(`^${field}: `));
  }
});
