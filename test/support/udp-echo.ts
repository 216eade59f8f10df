// SPDX-License-Identifier: Apache-2.0
// An amphora's UDP service: `udp-echo.ts <amphora>` answers `<amphora>:<payload>` on both VIPs. Its
// sockets are bound to the VIPs, so that answers come from them.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { UDP_ECHO_PORT, VIP } from './topology.ts';

const RECEIVE_BUFFER = 4 * 1024 * 1024;

const [amphora] = process.argv.slice(2);
if (amphora === undefined) throw new TypeError('usage: udp-echo.ts <amphora>');
const prefix = Buffer.from(`${amphora}:`);

for (const [type, address] of [
  ['udp4', VIP.ipv4],
  ['udp6', VIP.ipv6],
] as const) {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.on('message', (payload, sender) => {
    // A client that has gone meanwhile is no reason to end.
    socket.send([prefix, payload], sender.port, sender.address, () => undefined);
  });
  socket.bind(UDP_ECHO_PORT, address);
  await once(socket, 'listening');
  socket.setRecvBufferSize(RECEIVE_BUFFER);
}

process.on('disconnect', () => process.exit());
process.send?.('ready');
