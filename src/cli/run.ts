// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { CallError, Client } from './client.ts';
import {
  EndpointError,
  tcpEndpoint,
  unixEndpoint,
  type Endpoint,
  type TlsOptions,
} from './endpoint.ts';
import { exitStatus } from './exit-status.ts';
import { tellFailure, type Output } from './output.ts';
import { toJson } from './json.ts';

interface GlobalOptions extends TlsOptions {
  readonly socket: string;
  readonly address?: string;
  /** Seconds. */
  readonly timeout: number;
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
  const options = program.opts<GlobalOptions>();
  const { json, ifRevision = 0 } = options;
  const output = { out: process.stdout, err: process.stderr, json };
  const client = new Client(endpointOf(program, options), { timeoutMs: options.timeout * 1000 });
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

function endpointOf(program: Command, options: GlobalOptions): Endpoint {
  if (options.address === undefined) return unixEndpoint(options.socket);
  try {
    return tcpEndpoint(options.address, options);
  } catch (error) {
    if (error instanceof EndpointError) program.error(`error: ${error.message}`);
    throw error;
  }
}

/** Writes an answer as JSON or as `show` has it; ages are as of `now`, in ms. */
export function print<Answer>(
  { out, json }: Output,
  answer: Answer,
  show: (answer: Answer, now: number) => string,
): void {
  out.write(`${json ? toJson(answer, 2) : show(answer, Date.now())}\n`);
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
