// SPDX-License-Identifier: Apache-2.0
// The members behind all amphorae, in one process: `echo-server.ts <directory> <amphora>…` listens on
// <directory>/echo-<amphora>.sock for each, greets with the amphora's name and echoes every byte.
import { createServer } from 'node:net';
import { echoSocket } from './echo-socket.ts';

const BACKLOG = 4096;

const [directory, ...amphorae] = process.argv.slice(2);
if (directory === undefined) throw new TypeError('usage: echo-server.ts <directory> <amphora>…');

await Promise.all(
  amphorae.map((amphora) => {
    const server = createServer({ noDelay: true }, (socket) => {
      // An amphora that dies resets its connections; the others go on.
      socket.on('error', () => undefined);
      socket.write(`${amphora}\n`);
      socket.pipe(socket);
    });
    const listening: PromiseWithResolvers<void> = Promise.withResolvers();
    server.once('error', listening.reject);
    server.listen({ path: echoSocket(directory, amphora), backlog: BACKLOG }, listening.resolve);
    return listening.promise;
  }),
);

// The test bed's process holds the other end: without it there is nobody to serve.
process.on('disconnect', () => process.exit());
process.send?.('ready');
