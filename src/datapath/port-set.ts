// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import type { Port } from '../model/vip.ts';
import type { PortState } from './datapath.ts';
import { errorCode } from './native-failure.ts';
import type { NativeDatapath } from './native.ts';

export interface AttachedPort extends Pick<PortState, 'mac' | 'xdpMode'> {
  readonly ifindex: number;
}

/** The ports that carry VIPs: each has the program attached while it has a VIP. */
export class PortSet {
  readonly #datapath: NativeDatapath;
  readonly #list: () => readonly Port[];
  readonly #attached = new Map<string, { readonly port: AttachedPort; users: number }>();

  constructor(datapath: NativeDatapath, list: () => readonly Port[]) {
    this.#datapath = datapath;
    this.#list = list;
  }

  get(name: string): AttachedPort | null {
    return this.#attached.get(name)?.port ?? null;
  }

  /** @throws DATAPATH_FAILED if the port carries no VIP */
  require(name: string): AttachedPort {
    const port = this.get(name);
    if (port !== null) return port;
    throw new DistributordError('DATAPATH_FAILED', `interface ${name} carries no VIP`);
  }

  /** The port as it is now; null if it carries no VIP. */
  state(name: string): PortState | null {
    const port = this.get(name);
    if (port === null) return null;
    const now = this.#list().find((candidate) => candidate.ifindex === port.ifindex);
    const same = now?.name === name && now.mac === port.mac;
    return {
      ...port,
      condition: same ? (now.up ? 'up' : 'down') : 'replaced',
      stripsVlanTags: now?.stripsVlanTags ?? false,
    };
  }

  /** For one more VIP. @throws PORT_NOT_FOUND, PORT_BUSY, PORT_REPLACED, DATAPATH_FAILED */
  acquire(name: string): AttachedPort {
    const known = this.#attached.get(name);
    if (known !== undefined) {
      if (this.state(name)?.condition === 'replaced')
        throw new DistributordError(
          'PORT_REPLACED',
          `interface ${name} is not the port that its VIPs were added on`,
          { field: 'vip.attachment', value: name },
        );
      known.users++;
      return known.port;
    }
    const found = this.#list().find((port) => port.name === name);
    if (found === undefined) throw portNotFound(name);
    const { ifindex, mac } = found;
    const port = { ifindex, mac, xdpMode: this.#attach(name, ifindex) };
    this.#attached.set(name, { port, users: 1 });
    return port;
  }

  /** One VIP less; the last one takes the program away. */
  release(name: string): void {
    const known = this.#attached.get(name);
    if (known === undefined || --known.users > 0) return;
    this.#attached.delete(name);
    this.#datapath.detach({ ifindex: known.port.ifindex });
  }

  #attach(name: string, ifindex: number): 'native' | 'generic' {
    try {
      return this.#datapath.attach({ ifindex });
    } catch (error) {
      const code = errorCode(error);
      if (code === 'EBUSY' || code === 'EEXIST')
        throw new DistributordError(
          'PORT_BUSY',
          `interface ${name} has another XDP program attached`,
          { field: 'vip.attachment', value: name, cause: error },
        );
      if (code === 'ENODEV') throw portNotFound(name);
      throw new DistributordError(
        'DATAPATH_FAILED',
        `attach to ${name}: ${(error as Error).message}`,
        { field: 'vip.attachment', value: name, cause: error },
      );
    }
  }
}

function portNotFound(name: string): DistributordError {
  return new DistributordError('PORT_NOT_FOUND', `interface ${name} is not on this host`, {
    field: 'vip.attachment',
    value: name,
  });
}
