// SPDX-License-Identifier: Apache-2.0
// A file with the state of a host: what `state export` writes and `state import` reads.
import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';

const format = 'distributord-state';
/** Raised when a reader of this version could misread what is written. */
const version = 1;

/** A file that cannot be used; the message names it and says why. */
export class StateFileError extends Error {
  override readonly name = 'StateFileError';
}

/** From documents as the daemon exports them; a line for each, so that files can be compared. */
export function toStateFile(documents: readonly string[]): string {
  const head = `{"format": "${format}", "version": ${version}, "distributors": [`;
  const rows = documents.length === 0 ? '' : `\n${documents.join(',\n')}\n`;
  return `${head}${rows}]}\n`;
}

/** As the daemon imports them. @throws StateFileError */
export async function readStateFile(path: string): Promise<readonly string[]> {
  const content = parse(path, await read(path));
  const { format: found, version: written, distributors, ...others } = content;
  if (found !== format)
    throw new StateFileError(`${path}: format is ${held(found)}, not "${format}"`);
  if (written !== version)
    throw new StateFileError(
      `${path}: version is ${held(written)}; this distributorctl reads ${version}`,
    );
  const [other] = Object.keys(others);
  if (other !== undefined) throw new StateFileError(`${path}: ${other} is not known`);
  if (!Array.isArray(distributors))
    throw new StateFileError(
      `${path}: distributors is ${distributors === undefined ? 'missing' : 'no list'}`,
    );
  return distributors.map((distributor) => JSON.stringify(distributor));
}

/** Readable for its owner alone, and there at once or not at all. @throws StateFileError */
export async function writeStateFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new StateFileError(`${path} cannot be written: ${(error as Error).message}`);
  }
}

function held(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new StateFileError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

function parse(path: string, text: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new StateFileError(`${path} is not JSON: ${(error as Error).message}`);
  }
  if (typeof content === 'object' && content !== null && !Array.isArray(content))
    return content as Record<string, unknown>;
  throw new StateFileError(`${path} holds no JSON object`);
}
