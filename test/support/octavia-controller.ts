// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawnIn, type Namespace } from './namespaces.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Debian's, which sees Debian's OpenStack packages. */
export const PYTHON = '/usr/bin/python3';
const CONTROLLER = join(ROOT, 'test/octavia/controller.py');
/** The driver as its own build makes it. */
export const pythonEnvironment = {
  ...process.env,
  PYTHONPATH: [join(ROOT, 'build/octavia/lib'), join(ROOT, 'test/octavia')].join(':'),
  PYTHONDONTWRITEBYTECODE: '1',
};

export interface ControllerOptions {
  readonly namespace: Namespace;
  /** Where its configuration goes. */
  readonly directory: string;
  /** Lines of [xdp_distributor]. */
  readonly settings: Readonly<Record<string, string | number>>;
}

/** The verbs, as in the driver's `get_<verb>_subflow`. */
export type Verb =
  | 'create_distributor'
  | 'delete_distributor'
  | 'add_vip'
  | 'remove_vip'
  | 'register_amphorae'
  | 'drain_amphorae'
  | 'unregister_amphorae';

export type FlowStore = Readonly<Record<string, unknown>>;

export interface FlowRun {
  readonly flow: Verb;
  readonly store: FlowStore;
  /** Inputs are Octavia's data models, not dictionaries. */
  readonly objects?: boolean;
  /** The task after which one follows that fails. */
  readonly failAfter?: string;
}

export interface FlowError {
  readonly class: string;
  readonly message: string;
  readonly text: string;
  readonly reason: string | null;
  readonly field: string | null;
  readonly value: string | null;
}

/** What a flow provided, or how it failed and what state it was left in. */
export interface FlowResult {
  readonly values?: Readonly<Record<string, unknown>>;
  readonly error?: FlowError;
  readonly state?: string;
}

/** A heartbeat, and the address that it came from. */
export interface Heard {
  readonly message: Readonly<Record<string, unknown>>;
  readonly source: string;
}

interface Answer extends FlowResult, Partial<Heard> {
  readonly ready?: boolean;
  readonly port?: number;
  readonly tasks?: readonly string[];
}

/** In this process, so that each has a configuration of its own. */
let made = 0;

/** A process that runs the driver's flows as Octavia's worker would. */
export class OctaviaController {
  readonly configPath: string;
  readonly #child: ReturnType<typeof spawnIn>;
  readonly #waiting: ((answer: Answer | null) => void)[] = [];
  readonly #ended: Promise<void>;
  #log = '';

  private constructor({ namespace, directory, settings }: ControllerOptions) {
    this.configPath = join(directory, `octavia-${++made}.conf`);
    const lines = Object.entries(settings).map(([key, value]) => `${key} = ${String(value)}\n`);
    writeFileSync(
      this.configPath,
      '[controller_worker]\ndistributor_driver = xdp_distributor\n' +
        `network_driver = network_noop_driver\n[xdp_distributor]\n${lines.join('')}`,
    );
    this.#child = spawnIn(namespace, [PYTHON, CONTROLLER, this.configPath], {
      stdio: 'pipe',
      env: pythonEnvironment,
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    this.#child.stdin?.on('error', () => undefined); // its end tells
    if (this.#child.stdout === null) throw new Error('no pipe');
    const output = createInterface(this.#child.stdout);
    output.on('line', (line) => this.#waiting.shift()?.(JSON.parse(line) as Answer));
    this.#ended = new Promise((resolve) => {
      output.on('close', () => {
        for (const settle of this.#waiting.splice(0)) settle(null);
        resolve();
      });
    });
  }

  static async start(options: ControllerOptions): Promise<OctaviaController> {
    const controller = new OctaviaController(options);
    await controller.#answer();
    return controller;
  }

  /** What it has logged so far. */
  get log(): string {
    return this.#log;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What the network service knows: entries of Octavia's network data models. */
  async setNetwork(entries: Readonly<Record<string, readonly object[]>>): Promise<void> {
    await this.#call({ call: 'network', ...entries });
  }

  async tasksOf(flow: Verb): Promise<readonly string[]> {
    return (await this.#call({ call: 'tasks', flow })).tasks ?? [];
  }

  run({ flow, store, objects = false, failAfter }: FlowRun): Promise<FlowResult> {
    return this.#call({ call: 'run', flow, store, objects, fail_after: failAfter });
  }

  /** Runs a flow that must not fail; returns what it provides. */
  async does(
    flow: Verb,
    store: FlowStore,
    objects = false,
  ): Promise<Readonly<Record<string, unknown>>> {
    const { values, error } = await this.run({ flow, store, objects });
    if (values === undefined) throw new Error(`${flow} failed: ${error?.text ?? ''}`);
    return values;
  }

  /** Runs a flow that is kept in a database. `killAt`: a task, and the state in which it is killed. */
  async persist(
    persisted: PersistedFlow,
    killAt?: readonly [string, string],
  ): Promise<FlowResult | null> {
    return this.#try({ call: 'persist', ...persisted, kill_at: killAt });
  }

  /** Goes on with such a flow, begun by whatever process. */
  resume(persisted: PersistedFlow): Promise<FlowResult> {
    return this.#call({ call: 'resume', ...persisted });
  }

  /** Receives heartbeats from now on, as Octavia's health manager; returns the port. */
  async listen(address: string, key: string): Promise<number> {
    return (await this.#call({ call: 'listen', address, key })).port ?? 0;
  }

  /** The next one. */
  async hear(): Promise<Heard> {
    const { message = {}, source = '' } = await this.#call({ call: 'hear' });
    return { message, source };
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async #call(request: object): Promise<Answer> {
    const answer = await this.#try(request);
    if (answer === null) throw new Error(`the controller ended:\n${this.#log}`);
    return answer;
  }

  /** Null: it ended. */
  #try(request: object): Promise<Answer | null> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    return this.#next();
  }

  async #answer(): Promise<Answer> {
    const answer = await this.#next();
    if (answer === null) throw new Error(`the controller did not start:\n${this.#log}`);
    return answer;
  }

  #next(): Promise<Answer | null> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** A flow in a database of TaskFlow's. */
export interface PersistedFlow {
  readonly flow: Verb;
  readonly store: FlowStore;
  /** As SQLAlchemy names it. */
  readonly database: string;
  readonly uuid: string;
}
