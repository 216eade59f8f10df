// SPDX-License-Identifier: Apache-2.0
import type { TlsConfig } from '../config/listen.ts';
import type { Log } from '../log.ts';
import {
  buildTlsMaterial,
  isKeyExposed,
  readTlsFiles,
  type TlsFiles,
  type TlsMaterial,
} from './tls-material.ts';

/** Times are seconds since the epoch. */
export interface TlsState {
  readonly certificateNotAfter: number;
  readonly caNotAfter: number;
  readonly crlNextUpdate: number | null;
  /** Why the files that are there now are not in use; null: they are. */
  readonly lastReloadFailed: string | null;
  /** How often other files took effect. */
  readonly reloads: number;
}

export interface TlsWatchOptions {
  readonly log: Log;
  readonly onChange: (material: TlsMaterial) => void;
  /** How often the files are looked at. Their content counts, however it came there. */
  readonly pollMs?: number;
  /** Files are replaced one by one: for so long a set that does not fit is no failure. */
  readonly settleMs?: number;
}

/** The TLS files in use. Others take effect when they fit together; else these stay. */
export class TlsMaterialWatch {
  readonly #config: TlsConfig;
  readonly #options: TlsWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #files: TlsFiles;
  #material: TlsMaterial;
  #misfitSince: number | null = null;
  #failure: string | null = null;
  #reloads = 0;
  #turns = 0;
  #lastTurn = Promise.resolve();

  private constructor(
    config: TlsConfig,
    options: TlsWatchOptions,
    { files, material }: { files: TlsFiles; material: TlsMaterial },
  ) {
    this.#config = config;
    this.#options = options;
    this.#files = files;
    this.#material = material;
    this.#timer = setInterval(() => this.#poll(), options.pollMs ?? 1000);
    this.#timer.unref();
  }

  /** @throws TlsMaterialError */
  static async start(config: TlsConfig, options: TlsWatchOptions): Promise<TlsMaterialWatch> {
    const files = await readTlsFiles(config);
    const material = buildTlsMaterial(config, files, now());
    const watch = new TlsMaterialWatch(config, options, { files, material });
    await watch.#warnOfExposedKey();
    return watch;
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  get state(): TlsState {
    const { certificateNotAfter, caNotAfter, crlNextUpdate } = this.#material;
    return {
      ...{ certificateNotAfter, caNotAfter, crlNextUpdate },
      lastReloadFailed: this.#failure,
      reloads: this.#reloads,
    };
  }

  /** Reads the files at once; if they cannot be used the state says so, and the old ones stay. */
  reload(): Promise<void> {
    return this.#inTurn(() => this.#look(0));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #poll(): void {
    if (this.#turns > 0) return;
    void this.#inTurn(() => this.#look(this.#options.settleMs ?? 10_000));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turns++;
    this.#lastTurn = this.#lastTurn.then(work).finally(() => this.#turns--);
    return this.#lastTurn;
  }

  async #look(patienceMs: number): Promise<void> {
    try {
      const files = await readTlsFiles(this.#config);
      if (files.digest !== this.#files.digest) await this.#use(files);
      this.#misfitSince = null;
      if (this.#failure !== null) this.#options.log.info('TLS files can be used again');
      this.#failure = null;
    } catch (error) {
      this.#misfitSince ??= performance.now();
      if (performance.now() - this.#misfitSince >= patienceMs) this.#fail((error as Error).message);
    }
  }

  async #use(files: TlsFiles): Promise<void> {
    const material = buildTlsMaterial(this.#config, files, now());
    this.#options.onChange(material);
    this.#files = files;
    this.#material = material;
    this.#reloads++;
    const { certificateNotAfter, caNotAfter, crlNextUpdate } = material;
    this.#options.log.info({ certificateNotAfter, caNotAfter, crlNextUpdate }, 'TLS files changed');
    await this.#warnOfExposedKey();
  }

  #fail(message: string): void {
    if (message !== this.#failure)
      this.#options.log.error({ message }, 'TLS files cannot be used: the old ones stay');
    this.#failure = message;
  }

  async #warnOfExposedKey(): Promise<void> {
    if (!(await isKeyExposed(this.#config))) return;
    const { key } = this.#config;
    this.#options.log.warn({ key }, 'listen.tls.key can be read by others than its owner');
  }
}

function now(): number {
  return Date.now() / 1000;
}
