// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { spawnIn } from '../support/namespaces.ts';
import { PORT, type End } from './cable.ts';

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const CAPTURED_LENGTH = 8;

/** What arrives at an end of a cable from `mac` while `send` runs: the first frame of it. */
export async function captureFrom(end: End, mac: string, send: () => Promise<unknown>) {
  const tcpdump = spawnIn(
    end.namespace,
    // The tag of a frame is out of its bytes by the time that a raw socket sees it; tcpdump puts it back.
    [
      ...['tcpdump', '-i', PORT, '-c', '1', '-w', '-', '-U', '-Z', 'root'],
      ...['--immediate-mode', `ether src ${mac}`],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  try {
    const chunks: Buffer[] = [];
    tcpdump.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    if (tcpdump.stderr === null) throw new Error('tcpdump without standard error');
    await once(tcpdump.stderr, 'data'); // "listening on …"
    await send();
    await once(tcpdump, 'close', { signal: AbortSignal.timeout(5000) });
    return firstFrame(Buffer.concat(chunks));
  } finally {
    tcpdump.kill();
  }
}

function firstFrame(file: Buffer): Buffer {
  const record = file.subarray(FILE_HEADER);
  const length = record.readUInt32LE(CAPTURED_LENGTH);
  return record.subarray(RECORD_HEADER, RECORD_HEADER + length);
}
