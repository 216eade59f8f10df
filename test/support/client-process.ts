// SPDX-License-Identifier: Apache-2.0
// All clients, in one process in their namespace. The test's process calls it over the IPC channel.
import type { ClientAnswer, ClientCall, ClientCalls, ClientRequest } from './client-protocol.ts';
import { DatagramPool } from './datagram-pool.ts';
import { EchoPool } from './echo-pool.ts';
import { probeHttp, probeUdp } from './probes.ts';

type Handler<Call extends ClientCall> = (
  argument: ClientCalls[Call]['argument'],
) => ClientCalls[Call]['reply'] | Promise<ClientCalls[Call]['reply']>;

const pool = new EchoPool();
const datagrams = new DatagramPool();

const handlers: { readonly [Call in ClientCall]: Handler<Call> } = {
  open: (options) => pool.open(options),
  report: (filter) => pool.report(filter),
  exchange: (options) => pool.exchange(options),
  transfer: (options) => pool.transfer(options),
  close: (filter) => pool.close(filter),
  abort: (filter) => pool.abort(filter),
  forget: (filter) => pool.forget(filter),
  probe: probeHttp,
  udpProbe: probeUdp,
  openDatagrams: (options) => datagrams.open(options),
  reportDatagrams: () => datagrams.report(),
  closeDatagrams: () => datagrams.close(),
};

async function answer<Call extends ClientCall>(request: ClientRequest<Call>): Promise<void> {
  const { id } = request;
  try {
    send({ id, reply: await handlers[request.call](request.argument) });
  } catch (error) {
    send({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

function send(message: ClientAnswer | 'ready'): void {
  process.send?.(message);
}

process.on('message', (request) => {
  void answer(request as ClientRequest);
});
process.on('disconnect', () => process.exit());
send('ready');
