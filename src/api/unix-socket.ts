// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../config.ts';
import type { ListenConfig } from '../config/listen.ts';

/** Read and write for the owner and the group: who may control the data path. */
const socketMode = 0o660;

/** Makes room for the socket. @throws if another process listens on it, or it cannot be made */
export async function prepareSocket(path: string): Promise<void> {
  let isInUse: boolean;
  try {
    await makeDirectory(dirname(path));
    isInUse = !(await removeStale(path));
  } catch (error) {
    throw new ConfigError(`listen.socket ${path} cannot be made: ${(error as Error).message}`);
  }
  if (isInUse) throw new Error(`listen.socket ${path} is in use by another process`);
}

/** Lets owner and group use the socket. @throws ConfigError if the group cannot be given it */
export async function admitGroup(path: string, group: ListenConfig['group']): Promise<void> {
  if (group !== undefined) await giveTo(path, group);
  await chmod(path, socketMode);
}

async function giveTo(path: string, group: string | number): Promise<void> {
  const id = await groupId(group);
  try {
    await chown(path, -1, id);
  } catch (error) {
    throw new ConfigError(
      `listen.group ${group} cannot be given the socket; the daemon has to be a member of it, or ` +
        `have CAP_CHOWN: ${(error as Error).message}`,
    );
  }
}

/** @throws ConfigError */
async function groupId(group: string | number): Promise<number> {
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

/** Removes what a daemon has left there, if it is that. */
export async function removeSocket(path: string): Promise<void> {
  if (await isSocket(path)) await unlink(path);
}

/** False: there is nothing. @throws if there is something else */
async function isSocket(path: string): Promise<boolean> {
  const found = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
  if (found !== undefined && !found.isSocket()) throw new Error(`${path} is there, and no socket`);
  return found !== undefined;
}

/** A socket that a killed process left behind is in the way; one in use is not ours: false. */
async function removeStale(path: string): Promise<boolean> {
  if (!(await isSocket(path))) return true;
  const connection = connect(path);
  try {
    await once(connection, 'connect');
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error;
    if (code === 'ECONNREFUSED') await removeSocket(path);
    return true;
  } finally {
    connection.destroy();
  }
}
