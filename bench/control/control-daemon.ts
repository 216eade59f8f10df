// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from '../../src/cli/client.ts';
import { unixEndpoint } from '../../src/cli/endpoint.ts';
import { spawnIn } from '../../test/support/namespaces.ts';
import { unitSetting } from '../../test/support/service-unit.ts';
import type { ControlHost } from './control-host.ts';
import type { Scrape } from './scrape-process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const SCRAPE = join(import.meta.dirname, 'scrape-process.ts');
/** Milliseconds for a start; a deadline against hanging. */
const PATIENCE = 120_000;
const COMPLAINT = 4096;
/** Of /proc, on Linux. */
const TICKS_PER_SECOND = 100;

export interface DaemonOptions {
  /** YAML beside `listen`, `state` and `metrics`. */
  readonly config: string;
  /** For Node, as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
}

export interface Memory {
  readonly residentMegabytes: number;
  /** Of it, what is not the kernel's maps, or files. */
  readonly ownMegabytes: number;
}

/** A real distributord on the host, and the metrics that it serves. */
export class ControlDaemon {
  /** From the start of the process until it answers calls, milliseconds. */
  readonly startMs: number;
  readonly #host: ControlHost;
  readonly #child: ReturnType<typeof spawnIn>;
  readonly #exited: Promise<unknown>;
  #scraper: ReturnType<typeof spawnIn> | null = null;
  #scrapes: AsyncIterator<string> | null = null;

  private constructor(
    host: ControlHost,
    { child, startMs }: { readonly child: ReturnType<typeof spawnIn>; readonly startMs: number },
  ) {
    this.#host = host;
    this.#child = child;
    this.startMs = startMs;
    this.#exited = once(child, 'exit');
  }

  static async start(host: ControlHost, options: DaemonOptions): Promise<ControlDaemon> {
    const { directory, pins, namespace } = host;
    const path = join(directory, 'distributord.yaml');
    const state = `state: {directory: ${join(directory, 'state')}, pins: ${pins}}`;
    const listen = `listen: {socket: ${socketOf(host)}}`;
    writeFileSync(path, `${listen}\n${state}\nmetrics: {port: ${METRICS_PORT}}\n${options.config}`);
    const argv = [process.execPath, ...(options.nodeOptions ?? []), MAIN, '--config', path];
    const started = performance.now();
    const env = { ...process.env, ...unitEnvironment() };
    const child = spawnIn(namespace, argv, { stdio: ['ignore', 'ignore', 'pipe'], env });
    await ready(child);
    return new ControlDaemon(host, { child, startMs: performance.now() - started });
  }

  /** Over a connection of its own. */
  client(): Client {
    const endpoint = unixEndpoint(socketOf(this.#host));
    const options = { 'grpc.use_local_subchannel_pool': 1 };
    return new Client({ ...endpoint, options }, { timeoutMs: PATIENCE });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get memory(): Memory {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const megabytes = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(?<kB>\\d+) kB$`, 'm').exec(status)?.groups?.['kB']) / 1024;
    return { residentMegabytes: megabytes('VmRSS'), ownMegabytes: megabytes('RssAnon') };
  }

  /** Seconds of a processor that it has taken so far. */
  get processorSeconds(): number {
    const text = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Its metrics that have no distributor. What they say of the event loop begins anew. */
  async scrape(): Promise<Scrape> {
    this.#scraper ??= spawnIn(
      this.#host.namespace,
      [process.execPath, SCRAPE, METRICS_PORT.toString()],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const { stdin, stdout } = this.#scraper;
    if (stdin === null || stdout === null) throw new TypeError('a process without pipes');
    this.#scrapes ??= createInterface({ input: stdout })[Symbol.asyncIterator]();
    stdin.write('\n');
    const line = await this.#scrapes.next();
    if (line.done === true) throw new Error('the process that reads metrics has ended');
    return JSON.parse(line.value) as Scrape;
  }

  /** In order; the kernel goes on to forward. */
  async stop(): Promise<void> {
    this.#scraper?.stdin?.end();
    this.#child.kill('SIGTERM');
    await this.#exited;
  }
}

/** Of the namespace's own loopback interface. */
const METRICS_PORT = 9475;

/** As the unit that is shipped sets it. */
function unitEnvironment(): Record<string, string> {
  const settings = unitSetting('Environment').flatMap((line) => line.split(' '));
  return Object.fromEntries(
    settings.map((setting) => setting.split(/=(.*)/, 2)) as [string, string][],
  );
}

function socketOf({ directory }: ControlHost): string {
  return join(directory, 'distributord.sock');
}

/** Resolves when the daemon says so in its log, which is read to its end. */
function ready(child: ReturnType<typeof spawnIn>): Promise<void> {
  let log = '';
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (log.includes('"msg":"ready"')) return;
    log = `${log}${text}`.slice(-COMPLAINT);
    if (log.includes('"msg":"ready"')) resolve(undefined);
  });
  child.once('exit', () => reject(new Error(`distributord has ended:\n${log}`)));
  const timer = setTimeout(
    () => reject(new Error(`distributord does not start:\n${log}`)),
    PATIENCE,
  );
  return promise.finally(() => clearTimeout(timer));
}
