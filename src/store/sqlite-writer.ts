// SPDX-License-Identifier: Apache-2.0
// The thread that has the store's file: no wait for the disk is the event loop's.
import { parentPort, workerData } from 'node:worker_threads';
import { SqliteFile, UnusableFile } from './sqlite-file.ts';
import type { WriterAnswer, WriterOptions, WriterRequest } from './sqlite-protocol.ts';

function answer(message: WriterAnswer): void {
  parentPort?.postMessage(message);
}

function open(): SqliteFile | null {
  try {
    const file = new SqliteFile((workerData as WriterOptions).file);
    for (const rows of file.rows()) answer({ kind: 'rows', rows });
    answer({ kind: 'opened', revision: file.revision, sizeBytes: file.sizeBytes });
    return file;
  } catch (error) {
    if (!(error instanceof UnusableFile)) throw error;
    answer({ kind: 'refused', problem: error.message });
    return null;
  }
}

const file = open();
if (file === null) parentPort?.close();
else
  parentPort?.on('message', (request: WriterRequest) => {
    if (request.kind === 'close') {
      file.close();
      parentPort?.close();
      return;
    }
    const started = performance.now();
    let problem: string | null = null;
    try {
      file.write(request.entries);
    } catch (error) {
      problem = (error as Error).message;
    }
    const seconds = (performance.now() - started) / 1000;
    answer({ kind: 'written', problem, seconds, sizeBytes: file.sizeBytes });
  });
