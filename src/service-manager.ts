// SPDX-License-Identifier: Apache-2.0
import { native } from './datapath/native.ts';
import type { Log } from './log.ts';

export interface ServiceManagerOptions {
  /** Delivers one state; may throw. null: nobody asks for it. */
  readonly send: ((state: string) => void) | null;
  /** How often the manager wants a sign of life, milliseconds; null = never. */
  readonly watchdogMs: number | null;
  readonly log: Log;
}

/** Tells the service manager that started the daemon how it is, as sd_notify(3) describes. */
export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  #watchdog: NodeJS.Timeout | null = null;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
  }

  /** The manager that the environment names; one that hears nothing if it names none. */
  static fromEnvironment(environment: NodeJS.ProcessEnv, log: Log): ServiceManager {
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC, WATCHDOG_PID } = environment;
    const isMeant = WATCHDOG_PID === undefined || WATCHDOG_PID === process.pid.toString();
    const watchdogMs = isMeant ? Number(WATCHDOG_USEC ?? 0) / 1000 : 0;
    return new ServiceManager({
      send:
        socket === undefined || socket === ''
          ? null
          : (state) => native.notifyService({ socket, state }),
      watchdogMs: watchdogMs > 0 ? watchdogMs : null,
      log,
    });
  }

  /** Calls are answered; `status` is a line for people. */
  ready(status: string): void {
    this.#send(`READY=1\nSTATUS=${status}`);
  }

  /** To be followed by ready(). */
  reloading(): void {
    // The clock is CLOCK_MONOTONIC, as hrtime's.
    const microseconds = process.hrtime.bigint() / 1000n;
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${microseconds}\nSTATUS=reloading`);
  }

  stopping(): void {
    this.#send('STOPPING=1\nSTATUS=stopping');
  }

  /**
   * Signs of life, twice as often as asked for: only while `stalledMs`, for how long no work has
   * come forward, is less than the manager's patience. Without a sign it starts the daemon again.
   */
  watch(stalledMs: () => number): void {
    const { watchdogMs, log } = this.#options;
    if (watchdogMs === null) return;
    this.#watchdog = setInterval(() => {
      const stalled = stalledMs();
      if (stalled < watchdogMs) this.#send('WATCHDOG=1');
      else log.error({ stalledMs: Math.round(stalled) }, 'no progress: no sign of life is given');
    }, watchdogMs / 2);
  }

  close(): void {
    if (this.#watchdog !== null) clearInterval(this.#watchdog);
  }

  #send(state: string): void {
    const { send, log } = this.#options;
    try {
      send?.(state);
    } catch (error) {
      log.warn({ state, err: error }, 'the service manager was not told');
    }
  }
}
