// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { CallError, Client } from './client.ts';
import { exitStatus } from './exit-status.ts';
import { tellFailure, type Output } from './output.ts';

interface GlobalOptions {
  readonly socket: string;
  readonly json: boolean;
  readonly ifRevision?: number;
}

/** What a command works with. */
export interface Context {
  readonly client: Client;
  /** 0 = any. */
  readonly expected_revision: number;
  readonly output: Output;
}

/** Runs one command, which returns its exit status; a call that failed is told. */
export async function run(
  program: Command,
  work: (context: Context) => Promise<number>,
): Promise<void> {
  const { socket, json, ifRevision = 0 } = program.opts<GlobalOptions>();
  const output = { out: process.stdout, err: process.stderr, json };
  const client = new Client(socket);
  try {
    process.exitCode = await work({ client, expected_revision: ifRevision, output });
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    tellFailure(output, error);
    process.exitCode = exitStatus.failed;
  } finally {
    client.close();
  }
}

/** Writes an answer as JSON or as `show` has it; ages are as of `now`, in ms. */
export function print<Answer>(
  { out, json }: Output,
  answer: Answer,
  show: (answer: Answer, now: number) => string,
): void {
  out.write(`${json ? JSON.stringify(answer, null, 2) : show(answer, Date.now())}\n`);
}

/** Runs a command that makes a call and prints the answer. */
export function answer<Answer>(
  program: Command,
  ask: (context: Context) => Promise<Answer>,
  show: (answer: Answer, now: number) => string,
): Promise<void> {
  return run(program, async (context) => {
    print(context.output, await ask(context), show);
    return exitStatus.success;
  });
}

export const atRevision = ({ revision }: { readonly revision: number }) => `revision ${revision}`;
