// SPDX-License-Identifier: Apache-2.0
import { lstat, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '../../../src/config.ts';
import { removeSocket } from '../../../src/api/unix-socket.ts';
import { ApiBed } from './api-bed.ts';

let bed: ApiBed;
beforeEach(async () => {
  bed = await ApiBed.start({ listen: { group: process.getgid?.() ?? 0 } });
});
afterEach(() => bed.stop());

test('the socket is for owner and group', async () => {
  const { mode, gid } = await stat(bed.socket);
  expect(mode & 0o777).toBe(0o660);
  expect(gid).toBe(process.getgid?.());
});

test('the group may be named', async () => {
  const socket = join(bed.socket, '../named/deep/api.sock');
  const server = bed.newServer();
  await server.listen({ socket, group: 'root' }).catch((error: unknown) => {
    // Not to be given away without privileges.
    expect(error).toMatchObject({ message: expect.stringContaining('CAP_CHOWN') as string });
  });
  await server.close(100);
});

test.each([
  ['a group that there is not', { group: 'no-such-group' }, /listen\.group .*"no-such-group"/],
  ['a name that looks like an option', { group: '--help' }, /listen\.group .*"--help"/],
  ['a socket in /proc', { socket: '/proc/one/two/api.sock' }, /listen\.socket \/proc.*ENOENT/],
  ['a socket below a file', { socket: '/etc/passwd/api.sock' }, /listen\.socket \/etc.*ENOTDIR/],
])('%s is refused as a configuration that cannot be used', async (_, listen, message) => {
  const listening = bed
    .newServer()
    .listen({ socket: join(bed.socket, '../other.sock'), ...listen });
  await expect(listening).rejects.toThrow(message);
  await expect(listening).rejects.toBeInstanceOf(ConfigError);
});

test.each(['a file', 'a link to one'])(
  '%s where the socket should be is left alone',
  async (what) => {
    const path = join(bed.socket, '../state.db');
    await writeFile(path, 'all that there is');
    const socket = what === 'a file' ? path : join(bed.socket, '../link.sock');
    if (socket !== path) await symlink(path, socket);
    const listening = bed.newServer().listen({ socket });
    await expect(listening).rejects.toThrow(/listen\.socket .* is there, and no socket/);
    await expect(listening).rejects.toBeInstanceOf(ConfigError);
    await expect(removeSocket(socket)).rejects.toThrow(/no socket/);
    expect(await readFile(path, 'utf8')).toBe('all that there is');
    expect(await lstat(socket)).toBeDefined();
  },
);
