// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import type { Port } from '../model/vip.ts';
import type { PortPlace } from '../plan/wanted.ts';
import type { PortState } from './datapath.ts';
import { errorCode } from './native-failure.ts';
import type { NativeDatapath, NativePort } from './native.ts';

interface AttachedPort {
  readonly ifindex: number;
  /** By which a VIP knows it; it may have another one by now. */
  name: string;
  /** VIPs on it. */
  users: number;
  /** null: the program is not on it; the port may be gone. */
  xdpMode: 'native' | 'generic' | null;
}

/** The program that has a port, as far as the kernel tells. */
export type OwnerOfPort = (ifindex: number) => string;

export interface PortSetParts {
  readonly datapath: NativeDatapath;
  /** The host's port of that name now. */
  readonly find: (name: string) => Port | null;
  readonly owner: OwnerOfPort;
}

/** The ports that carry VIPs: each has the program attached while it has a VIP. */
export class PortSet {
  readonly #parts: PortSetParts;
  readonly #attached = new Map<number, AttachedPort>();

  constructor(parts: PortSetParts) {
    this.#parts = parts;
  }

  /** One that the program is on already; VIPs are yet to be counted. */
  adopt({ ifindex, xdpMode }: NativePort): void {
    this.#attached.set(ifindex, { ifindex, name: '', xdpMode, users: 0 });
  }

  /** For a VIP that is on it already, whether the program is or not. */
  adoptUser(name: string, { ifindex }: Pick<PortPlace, 'ifindex'>): void {
    const known = this.#attached.get(ifindex);
    if (known === undefined)
      this.#attached.set(ifindex, { ifindex, name, xdpMode: null, users: 1 });
    else Object.assign(known, { name, users: known.users + 1 });
  }

  /** Takes the program off ports without VIPs. */
  dropUnused(): void {
    for (const port of this.#attached.values()) if (port.users === 0) this.#drop(port);
  }

  /** The port of that name as it is now. */
  state(name: string): PortState {
    const now = this.#parts.find(name);
    if (now === null)
      return { ifindex: null, mac: null, xdpMode: null, link: 'gone', stripsVlanTags: false };
    const { ifindex, mac, up, stripsVlanTags } = now;
    const xdpMode = this.#attached.get(ifindex)?.xdpMode ?? null;
    return { ifindex, mac, xdpMode, link: up ? 'up' : 'down', stripsVlanTags };
  }

  /** For one more VIP. @throws PORT_NOT_FOUND, PORT_BUSY, DATAPATH_FAILED */
  acquire(name: string, { ifindex }: PortPlace): void {
    const known = this.#attached.get(ifindex);
    // The program goes with a port that is given another name.
    if (known?.name === name || (known && this.#parts.datapath.isAttached({ ifindex }))) {
      this.adoptUser(name, { ifindex });
      return;
    }
    // The index was another port's, which is gone; its VIPs are about to leave.
    const users = (known?.users ?? 0) + 1;
    this.#attached.set(ifindex, { name, ifindex, xdpMode: this.#attach(name, ifindex), users });
  }

  /** One VIP less; the last one takes the program away. */
  release(ifindex: number): void {
    const known = this.#attached.get(ifindex);
    if (known !== undefined && --known.users <= 0) this.#drop(known);
  }

  /** Puts the program back where somebody has taken it off. */
  keepUp(): void {
    for (const port of this.#attached.values()) {
      const { name, ifindex } = port;
      if (this.#parts.find(name)?.ifindex !== ifindex) continue;
      if (port.xdpMode !== null && this.#parts.datapath.isAttached({ ifindex })) continue;
      port.xdpMode = null;
      try {
        port.xdpMode = this.#attach(name, ifindex);
      } catch {
        // Shows as the port's condition, and is tried again.
      }
    }
  }

  #drop(port: AttachedPort): void {
    this.#attached.delete(port.ifindex);
    this.#parts.datapath.detach({ ifindex: port.ifindex });
  }

  #attach(name: string, ifindex: number): 'native' | 'generic' {
    try {
      return this.#parts.datapath.attach({ ifindex });
    } catch (error) {
      const code = errorCode(error);
      if (code === 'EBUSY' || code === 'EEXIST')
        throw new DistributordError(
          'PORT_BUSY',
          `interface ${name} has another XDP program attached: ${this.#parts.owner(ifindex)}`,
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
