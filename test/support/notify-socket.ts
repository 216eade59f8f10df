// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { waitUntil } from './wait-until.ts';

/** Node has no datagram sockets in the unix domain; prints each datagram as a line of JSON. */
const receiver = `
import json, os, socket, sys
name = sys.argv[1]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind('\\0' + name[1:] if name[0] == '@' else name)
if name[0] != '@': os.chmod(name, 0o777)
print('""', flush=True)
while True: print(json.dumps(notify.recv(65536).decode()), flush=True)
`;

/** What a service manager's end of sd_notify(3) hears. */
export class NotifySocket {
  /** Every datagram so far, oldest first. */
  readonly heard: string[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** `address` as NOTIFY_SOCKET has it: a path, or an abstract name that begins with '@'. */
  static async open(address: string): Promise<NotifySocket> {
    const child = spawn('python3', ['-c', receiver, address], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const socket = new NotifySocket(child);
    const lines = createInterface({ input: child.stdout });
    const bound = once(lines, 'line');
    await Promise.race([
      bound,
      once(child, 'exit').then(() => Promise.reject(new Error(`cannot listen on ${address}`))),
    ]);
    lines.on('line', (line) => socket.heard.push(JSON.parse(line) as string));
    return socket;
  }

  /** Resolves when some datagram, from the `from`th on, holds the text. */
  async hears(text: string, from = 0): Promise<void> {
    await waitUntil(
      `"${text}" on the notification socket`,
      () => this.heard.slice(from).some((datagram) => datagram.includes(text)),
      { deadlineMs: 20_000 },
    );
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
