// SPDX-License-Identifier: Apache-2.0
import {
  amphoraPort,
  DISTRIBUTOR,
  MAX_AMPHORAE,
  SECOND_PORT,
  type AmphoraPort,
  type DistributorPort,
} from './topology.ts';

export interface TestBedOptions {
  /** How many there are, with ids from 1. */
  readonly amphorae: number;
  /** Of every link; 1500 by default. */
  readonly mtu?: number;
  /** Puts a gateway between client and router; the link between the two has this MTU. */
  readonly pathMtu?: number;
  /** The distributor's box is this namespace, which is there already, and stays. */
  readonly distributorNamespace?: string;
  /** Makes it the bed of a second tenant, on the distributor box of the first one's. */
  readonly tenant?: SecondTenant;
}

/** Has the same addresses as the first tenant, down to the amphorae's MACs, and networks of its own. */
export interface SecondTenant {
  /** Sets its amphorae's names apart: `<name>-amphora-<id>`. */
  readonly name: string;
  /** The bed whose distributor box it shares: that bed must outlive this one. */
  readonly host: { readonly namespaces: BedNamespaces };
}

/** The namespace of each box. */
export interface BedNamespaces {
  readonly client: string;
  /** Null: client and router are neighbours. */
  readonly gateway: string | null;
  readonly router: string;
  readonly bridge: string;
  readonly distributor: string;
  readonly amphorae: readonly string[];
}

/** All that a bed consists of, before anything of it is made. */
export interface BedPlan {
  readonly namespaces: BedNamespaces;
  /** Those of `namespaces` that the bed makes, and removes. */
  readonly ownNamespaces: readonly string[];
  readonly amphorae: readonly AmphoraPort[];
  readonly distributor: DistributorPort;
  readonly mtu: number;
  readonly pathMtu: number | null;
}

const DEFAULT_MTU = 1500;

export function planBed(name: string, options: TestBedOptions): BedPlan {
  const { amphorae: count, mtu = DEFAULT_MTU, pathMtu = null, tenant = null } = options;
  const { distributorNamespace: given = tenant?.host.namespaces.distributor } = options;
  if (!Number.isInteger(count) || count < 0 || count > MAX_AMPHORAE) {
    throw new RangeError(
      `amphorae is ${String(count)}, not within 0 to ${MAX_AMPHORAE.toString()}`,
    );
  }
  const amphorae = Array.from({ length: count }, (_, index) =>
    amphoraPort(index + 1, tenant?.name ?? null),
  );
  const namespaces = {
    client: `${name}-client`,
    gateway: pathMtu === null ? null : `${name}-gateway`,
    router: `${name}-router`,
    bridge: `${name}-bridge`,
    distributor: given ?? `${name}-distributor`,
    amphorae: amphorae.map((port) => `${name}-${port.name}`),
  };
  const { client, gateway, router, bridge, distributor } = namespaces;
  return {
    namespaces,
    ownNamespaces: [
      ...[client, router, bridge, ...namespaces.amphorae],
      ...(gateway === null ? [] : [gateway]),
      ...(given === undefined ? [distributor] : []),
    ],
    amphorae,
    distributor: tenant === null ? DISTRIBUTOR : SECOND_PORT,
    mtu,
    pathMtu,
  };
}
