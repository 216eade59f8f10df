// SPDX-License-Identifier: Apache-2.0
import { connect, type Socket } from 'node:net';
import { ByteSource } from './byte-source.ts';
import type { BreakReason, ConnectionReport } from './client-protocol.ts';
import { breakReason } from './break-reason.ts';
import type { Family } from './topology.ts';

export interface EchoConnectionOptions {
  readonly family: Family;
  readonly client: number;
  readonly localAddress: string;
  readonly host: string;
  readonly port: number;
  readonly intervalMs: number;
  readonly keepAliveMs: number | null;
  readonly stallMs: number;
  readonly connectTimeoutMs: number;
  readonly seed: number;
  /** The part of an interval, from 0 to 1, to wait before the first message. */
  readonly phase: number;
}

type State = 'new' | 'opening' | 'exchanging' | 'closing' | 'ended';

const LONGEST_GREETING = 100;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * A long-lived connection to an amphora's echo port. Has no timers: whoever owns it calls `tick` with
 * a clock. At most one message is under way, so a byte that comes back belongs to it or is wrong.
 */
export class EchoConnection {
  readonly #options: EchoConnectionOptions;
  readonly #bytes: ByteSource;
  readonly #greeted: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  #socket: Socket | null = null;
  #state: State = 'new';
  #broken: BreakReason | null = null;
  #detail: string | null = null;
  #greeting = NOTHING;
  #amphora: string | null = null;
  #bytesEchoed = 0;
  #messagesSent = 0;
  #messagesEchoed = 0;
  /** What has yet to come back of the message under way. */
  #expected = NOTHING;
  /** When what is awaited (greeting, echo, end) began to be. */
  #awaitedSince = 0;
  #nextMessageAt = 0;
  /** Of the next message; null: as it comes. */
  #nextLength: number | null = null;
  /** Whether bytes have come since the last tick: a large message is under way for long, but moves. */
  #moving = false;

  constructor(options: EchoConnectionOptions) {
    this.#options = options;
    this.#bytes = new ByteSource(options.seed);
  }

  get family(): Family {
    return this.#options.family;
  }

  get client(): number {
    return this.#options.client;
  }

  get intervalMs(): number {
    return this.#options.intervalMs;
  }

  get amphora(): string | null {
    return this.#amphora;
  }

  get alive(): boolean {
    return this.#state === 'exchanging';
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  get messagesSent(): number {
    return this.#messagesSent;
  }

  get messagesEchoed(): number {
    return this.#messagesEchoed;
  }

  report(): ConnectionReport {
    return {
      client: this.client,
      family: this.family,
      amphora: this.#amphora,
      alive: this.alive,
      broken: this.#broken,
      detail: this.#detail,
      bytesEchoed: this.#bytesEchoed,
    };
  }

  /** Resolves when the greeting has been read, or the connection is broken. */
  async open(now: number): Promise<void> {
    const { localAddress, host, port, intervalMs, keepAliveMs, phase } = this.#options;
    this.#state = 'opening';
    this.#awaitedSince = now;
    this.#nextMessageAt = now + intervalMs * phase;
    const socket = connect({ host, port, localAddress, noDelay: true });
    this.#socket = socket;
    if (keepAliveMs !== null) socket.setKeepAlive(true, keepAliveMs);
    socket.on('data', (data) => {
      this.#read(data);
    });
    socket.on('error', (error) => {
      this.#end(breakReason(error), error.message);
    });
    socket.on('end', () => {
      const asked = this.#state === 'closing' && this.#expected.length === 0;
      this.#end(asked ? null : 'closed', null);
    });
    await this.#greeted.promise;
  }

  /** Makes the next message one of `length` bytes, due as soon as the one under way is back. */
  sendNext(length: number): void {
    this.#nextLength = length;
    this.#nextMessageAt = 0;
  }

  /** `now` is in milliseconds of any clock that never goes back. */
  tick(now: number): void {
    const { intervalMs, stallMs, connectTimeoutMs } = this.#options;
    if (this.#moving) this.#awaitedSince = now;
    this.#moving = false;
    const waited = now - this.#awaitedSince;
    if (this.#state === 'opening') {
      if (waited > connectTimeoutMs) this.#end('connect-timeout', null);
    } else if (this.#state === 'closing') {
      if (waited > stallMs) this.#end('stalled', 'while closing');
    } else if (this.#state === 'exchanging') {
      if (this.#expected.length > 0) {
        if (waited > stallMs) this.#end('stalled', `${this.#expected.length.toString()} bytes due`);
      } else if (now >= this.#nextMessageAt) {
        // Keeps its place in the interval, unless an echo has taken longer than that.
        this.#nextMessageAt = Math.max(this.#nextMessageAt + intervalMs, now);
        this.#send(now);
      }
    }
  }

  /** Sends FIN once the echo under way has come back; resolves when the other side's has come too. */
  async close(now: number): Promise<void> {
    if (this.#state === 'exchanging') {
      this.#state = 'closing';
      this.#awaitedSince = now;
      if (this.#expected.length === 0) this.#socket?.end();
    } else if (this.#state !== 'closing') this.abort();
    await this.#ended.promise;
  }

  /** Sends RST. */
  abort(): void {
    if (this.#state === 'ended') return;
    this.#socket?.resetAndDestroy();
    this.#end(null, null);
  }

  #send(now: number): void {
    const message = this.#bytes.message(this.#nextLength ?? undefined);
    this.#nextLength = null;
    this.#expected = message;
    this.#awaitedSince = now;
    this.#messagesSent++;
    this.#socket?.write(message);
  }

  #read(data: Buffer): void {
    if (this.#state === 'opening') this.#readGreeting(data);
    else this.#readEcho(data);
  }

  #readGreeting(data: Buffer): void {
    this.#greeting = Buffer.concat([this.#greeting, data]);
    const end = this.#greeting.indexOf('\n');
    if (end !== this.#greeting.length - 1 || end > LONGEST_GREETING) {
      // Nothing has been sent yet, so nothing may follow the line.
      if (end >= 0 || this.#greeting.length > LONGEST_GREETING) {
        this.#end('mismatch', `greeting ${JSON.stringify(this.#greeting.toString('latin1'))}`);
      }
      return;
    }
    this.#amphora = this.#greeting.toString('latin1', 0, end);
    this.#state = 'exchanging';
    this.#greeted.resolve();
  }

  #readEcho(data: Buffer): void {
    const expected = this.#expected;
    if (data.length > expected.length || !data.equals(expected.subarray(0, data.length))) {
      const place = `after ${this.#bytesEchoed.toString()} bytes`;
      this.#end('mismatch', `${data.length.toString()} bytes came back, not as sent, ${place}`);
      return;
    }
    this.#moving = true;
    this.#bytesEchoed += data.length;
    this.#expected = expected.subarray(data.length);
    if (this.#expected.length > 0) return;
    this.#messagesEchoed++;
    if (this.#state === 'closing') this.#socket?.end();
  }

  #end(broken: BreakReason | null, detail: string | null): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#broken = broken;
    this.#detail = detail;
    this.#socket?.destroy();
    this.#greeted.resolve();
    this.#ended.resolve();
  }
}
