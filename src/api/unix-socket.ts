// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../config.ts';
import type { ListenConfig } from '../config/listen.ts';

/** Read and write for the owner and the group: who may control the data path. */
const socketMode = 0o660;

/** Makes room for the socket. @throws if another process listens on it, or it cannot be made */
export async function prepareSocket(path: string): Promise<void> {
  try {
    await makeDirectory(dirname(path));
  } catch (error) {
    throw new ConfigError(`listen.socket ${path} cannot be made: ${(error as Error).message}`);
  }
  await removeStale(path);
}

/** Lets owner and group use the socket. @throws ConfigError if there is no such group */
export async function admitGroup(path: string, group: ListenConfig['group']): Promise<void> {
  if (group !== undefined) await chown(path, -1, await groupId(group));
  await chmod(path, socketMode);
}

/** @throws ConfigError */
export async function groupId(group: string | number): Promise<number> {
  if (typeof group === 'number') return group;
  // As the system knows it, which may be by a directory service.
  const asked = promisify(execFile)('getent', ['group', '--', group]);
  const { stdout } = await asked.catch(() => ({ stdout: '' }));
  const [name, , id] = stdout.trim().split(':');
  if (name === group && id !== undefined) return Number(id);
  throw new ConfigError(`listen.group is not known to this host: ${JSON.stringify(group)}`);
}

/** Node's own recursive mkdir() never ends where the kernel says ENOENT of what is there: /proc. */
async function makeDirectory(path: string): Promise<void> {
  const code = await tryMkdir(path);
  if (code !== 'ENOENT') return;
  await makeDirectory(dirname(path));
  await mkdir(path);
}

async function tryMkdir(path: string): Promise<string | null> {
  try {
    await mkdir(path);
    return null;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || (code === 'ENOENT' && path !== dirname(path))) return code;
    throw error;
  }
}

/** A socket that a killed process left behind is in the way; one in use is not ours. */
async function removeStale(path: string): Promise<void> {
  const connection = connect(path);
  try {
    await once(connection, 'connect');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code !== 'ECONNREFUSED') throw error;
    await unlink(path);
    return;
  } finally {
    connection.destroy();
  }
  throw new Error(`listen.socket ${path} is in use by another process`);
}
