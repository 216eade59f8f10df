// SPDX-License-Identifier: Apache-2.0
import type { Amphora } from '../../src/model/amphora.ts';
import type { Distributor } from '../../src/model/distributor.ts';
import type { Vip } from '../../src/model/vip.ts';

const hex = (n: number) => n.toString(16).padStart(12, '0');
export const distributorId = (n: number) => `00000000-0000-4000-8000-${hex(n)}`;
const loadBalancerId = (n: number) => `00000000-0000-4000-9000-${hex(n)}`;

export function vip(address: string, settings: Partial<Vip> = {}): Vip {
  return {
    ...{ address, interface: 'eth0', vlanIds: [], subnet: null, gateway: null },
    ...{ affinity: 'SOURCE_IP', tracking: 'ADAPTIVE', tcpIdle: null, otherIdle: null },
    ...settings,
  };
}

export function active(id: string, position: number): Amphora {
  const ip = `10.1.${position}.${id.length}`;
  return { id, ip, mac: '02:00:00:00:01:01', weight: 1, state: 'ACTIVE', position };
}

export function distributor(n: number, parts: Partial<Distributor> = {}): Distributor {
  return {
    id: distributorId(n),
    loadBalancer: { id: loadBalancerId(n), name: `balancer ${n}` },
    vips: [],
    amphorae: [],
    tableSize: 1024,
    nextPosition: 0,
    ...parts,
  };
}

/** Has a value in every field, and an amphora in every state. */
export const whole: Distributor = distributor(1, {
  vips: [
    vip('10.0.0.100', { subnet: '10.0.0.0/24', gateway: '10.0.0.1', tcpIdle: 60, otherIdle: 5 }),
    vip('fd00::100', {
      ...{ interface: 'eth1', vlanIds: [100, 7] },
      ...{ affinity: 'SOURCE_IP_AND_PORT', tracking: 'FULL' },
    }),
  ],
  amphorae: [
    { ...active('a1', 0), mac: null, weight: 256 },
    {
      ...{ id: 'a2', ip: '10.0.0.12', mac: '02:00:00:00:01:02', weight: 3 },
      ...{ state: 'DRAINING', position: 2 },
      drain: { startedAt: 5, deadline: 90, then: 'UNREGISTER', finished: null },
    },
    {
      ...{ id: 'a3', ip: '10.0.0.13', mac: null, weight: 1, state: 'DRAINING', position: 3 },
      drain: {
        ...{ startedAt: 5, deadline: null, then: 'KEEP' },
        finished: { outcome: 'DRAINED', at: 9 },
      },
    },
    { id: 'a4', ip: 'fd00::14', mac: null, weight: 1, state: 'STANDBY', position: null },
    { id: 'a5', ip: 'fd00::15', mac: null, weight: 1, state: 'FAILED', position: null },
  ],
  nextPosition: 4,
});
