// SPDX-License-Identifier: Apache-2.0
import type { Amphora } from '../../build/proto/distributor/v1/Amphora.ts';
import type { Client } from '../../src/cli/client.ts';
import type { FirstPacket } from './first-packet.ts';

/** Of each distributor when it is set up. */
const AMPHORAE = 4;
/** By the index of an amphora; none of these is set up. */
export const newcomers = { first: AMPHORAE, second: AMPHORAE + 1 } as const;
const STANDBY = AMPHORAE + 2;

/** Milliseconds from the call. */
export interface Effect {
  readonly toPacket: number;
  readonly toAnswer: number;
}

/** What a change is made by, and seen by. */
export interface Means {
  readonly client: Client;
  readonly traffic: FirstPacket;
}

/** Thousands of distributors, each with a VIP on the same port; a number tells who is who. */
export class Fleet {
  readonly #port: string;
  /** By number. */
  readonly #ids: string[] = [];

  constructor(port: string) {
    this.#port = port;
  }

  get size(): number {
    return this.#ids.length;
  }

  /** Each client takes the next distributor when it has set up its last. */
  async setUp(clients: readonly Client[], count: number): Promise<void> {
    const work = async (client: Client) => {
      while (this.#ids.length < count) await this.#setUpOne(client, this.#ids.push('') - 1);
    };
    await Promise.all(clients.map(work));
  }

  async #setUpOne(client: Client, number: number): Promise<void> {
    const load_balancer = { id: loadBalancerId(number), name: `load balancer ${number}` };
    const { distributor_id } = await client.call('CreateDistributor', { load_balancer });
    this.#ids[number] = distributor_id;
    const vip = { address: vipAddress(number), attachment: { interface: this.#port } };
    await client.call('AddVip', { distributor_id, vip });
    const amphorae = Array.from({ length: AMPHORAE }, (_, index) => amphora(number, index));
    await client.call('RegisterAmphorae', { distributor_id, amphorae });
  }

  /** One more amphora comes to a distributor. */
  register({ client, traffic }: Means, number: number, index: number): Promise<Effect> {
    const place = { vip: vipAddress(number), mac: amphoraMac(number, index) };
    const amphorae = [amphora(number, index)];
    return traffic.during(place, () =>
      client.call('RegisterAmphorae', { distributor_id: this.#ids[number] ?? '', amphorae }),
    );
  }

  /** A standby comes, and takes the first one's place: only that is timed. */
  async failOver({ client, traffic }: Means, number: number): Promise<Effect> {
    const distributor_id = this.#ids[number] ?? '';
    const standby: Amphora = { ...amphora(number, STANDBY), role: 'ROLE_STANDBY' };
    await client.call('RegisterAmphorae', { distributor_id, amphorae: [standby] });
    const place = { vip: vipAddress(number), mac: amphoraMac(number, STANDBY) };
    const amphora_id = amphora(number, 0).id ?? '';
    return traffic.during(place, () =>
      client.call('FailoverAmphora', { distributor_id, amphora_id }),
    );
  }

  /** Reads all of it, in pages as by default; throws unless it is there. */
  async list(client: Client): Promise<void> {
    let found = 0;
    let page_token = '';
    do {
      const page = await client.call('ListDistributors', { page_token });
      found += page.distributors.length;
      page_token = page.next_page_token;
    } while (page_token !== '');
    if (found !== this.size) throw new Error(`${found} distributors, not ${this.size}`);
  }
}

/** A UUID. */
function loadBalancerId(number: number): string {
  return `10ad0000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}

function vipAddress(number: number): string {
  return `10.${64 + (number >> 16)}.${(number >> 8) & 0xff}.${number & 0xff}`;
}

function amphoraMac(number: number, index: number): string {
  const octets = [number >> 16, number >> 8, number, index];
  return `02:0a:${octets.map((octet) => (octet & 0xff).toString(16).padStart(2, '0')).join(':')}`;
}

function amphora(number: number, index: number): Amphora {
  return {
    id: `amphora-${number}-${index}`,
    ip: `192.0.2.${index + 1}`,
    mac: amphoraMac(number, index),
  };
}
