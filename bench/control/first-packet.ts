// SPDX-License-Identifier: Apache-2.0
import { createInterface } from 'node:readline';
import { spawnIn } from '../../test/support/namespaces.ts';
import { PORT_MAC } from '../../test/packets/distributors.ts';

/** Traffic of ever other clients, until the first packet for a new amphora comes back. */
export class FirstPacket {
  readonly #child: ReturnType<typeof spawnIn>;
  readonly #lines: AsyncIterator<string>;

  constructor(namespace: string, port: string) {
    this.#child = spawnIn(namespace, ['build/first-packet', port, PORT_MAC], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdout } = this.#child;
    if (stdout === null) throw new TypeError('a process without pipes');
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /**
   * Makes a change while packets to the VIP are under way. Returns the milliseconds from the call
   * to the first packet for the amphora, and to the answer.
   */
  async during(
    { vip, mac }: { readonly vip: string; readonly mac: string },
    change: () => Promise<unknown>,
  ): Promise<{ readonly toPacket: number; readonly toAnswer: number }> {
    this.#child.stdin?.write(`${vip} ${mac}\n`);
    await this.#line();
    const called = process.hrtime.bigint();
    await change();
    const answered = process.hrtime.bigint();
    const line = await this.#line();
    if (line === 'none') throw new Error(`no packet to ${vip} came back for ${mac}`);
    return {
      toPacket: milliseconds(BigInt(line) - called),
      toAnswer: milliseconds(answered - called),
    };
  }

  async #line(): Promise<string> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error('the process that sends packets has ended');
    return line.value;
  }

  end(): void {
    this.#child.stdin?.end();
  }
}

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e6;
}
