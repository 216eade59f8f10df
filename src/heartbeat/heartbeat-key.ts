// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { ConfigError } from '../config.ts';

/** The key of a file, without the line's end. @throws ConfigError naming the file, never its content */
export async function readHeartbeatKey(path: string): Promise<string> {
  let key: string;
  try {
    key = (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new ConfigError(`heartbeat.keyFile: ${(error as Error).message}`, { cause: error });
  }
  if (key === '') throw new ConfigError(`heartbeat.keyFile: ${path} is empty`);
  return key;
}
