// SPDX-License-Identifier: Apache-2.0
// Open vSwitch with its userspace datapath, and the flow and group that the specification of
// Octavia's active-active topology proposes for a distributor.
//
// Its main thread polls a port of the type `system`, in turn with all else that it does; a
// thread of its own polls one of the type `afxdp` without a pause.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run, spawnIn } from '../../test/support/namespaces.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { nothingToVerify, orUnavailable, type Place, type Running } from './contender.ts';
import { unpackPackages } from './packages.ts';
import { passFrames } from './pass-frames.ts';

const BRIDGE = 'br0';
const SCHEMA = 'usr/share/openvswitch/vswitch.ovsschema';
/** Seconds for each command. */
const PATIENCE = '20';

export type PortType = 'system' | 'afxdp';

export function startOpenVswitch(type: PortType, place: Place): Promise<Running> {
  return orUnavailable(async () => {
    const programs = await unpackPackages(['openvswitch-switch', 'openvswitch-common']);
    const { namespace, directory, cpus, port } = place;
    const directories = ['RUN', 'LOG', 'DB'].map((name) => `OVS_${name}DIR=${directory}`);
    const objects = [`LIBXDP_OBJECT_PATH=${programs.xdpObjects}`];
    const command = [...programs.environment, ...directories, ...objects];
    const call = (...argv: string[]) => run(namespace, [...command, 'timeout', PATIENCE, ...argv]);
    const serve = (...argv: string[]) => {
      const quiet = ['-vconsole:off', '-vsyslog:off'];
      spawnIn(namespace, [...command, ...argv, ...quiet], { stdio: 'ignore' });
    };

    const database = join(directory, 'conf.db');
    const socket = join(directory, 'db.sock');
    await call('ovsdb-tool', 'create', database, join(programs.root, SCHEMA));
    serve('ovsdb-server', database, `--remote=punix:${socket}`);
    await waitUntil('the database of Open vSwitch', () => existsSync(socket));
    const configure = (...argv: string[]) => call('ovs-vsctl', `--db=unix:${socket}`, ...argv);
    await configure('--no-wait', 'init');
    serve('taskset', '--cpu-list', cpus, 'ovs-vswitchd', `unix:${socket}`);
    if (type === 'system') await passFrames(place);
    await configure(
      ...['add-br', BRIDGE, '--', 'set', 'bridge', BRIDGE, 'datapath_type=netdev'],
      ...['fail_mode=secure', 'protocols=OpenFlow15', '--', 'add-port', BRIDGE, port],
      ...['--', 'set', 'interface', port, 'ofport_request=1', `type=${type}`],
      ...(type === 'afxdp' ? ['options:xdp-mode=native'] : []),
      ...['--', 'set', 'Open_vSwitch', '.', `other_config:pmd-cpu-mask=${maskOf(cpus)}`],
    );
    const error = (await configure('get', 'interface', port, 'error')).trim();
    if (error !== '[]') throw new Error(`a port of the type ${type}: ${error}`);
    const program = (...argv: string[]) => call('ovs-ofctl', '-O', 'OpenFlow15', ...argv);
    await program('add-group', BRIDGE, group(place));
    await program('add-flow', BRIDGE, 'in_port=1,ip,actions=group:1');
    return nothingToVerify;
  });
}

/** Of the first of the CPUs: the port has one queue. */
function maskOf(cpus: string): string {
  return `0x${(1n << BigInt(Number.parseInt(cpus))).toString(16)}`;
}

/** A bucket for each amphora, chosen by a hash of the source address. */
function group({ mac, amphorae }: Place): string {
  const buckets = amphorae.map(
    (amphora) =>
      `bucket=actions=set_field:${mac}->eth_src,set_field:${amphora}->eth_dst,output:in_port`,
  );
  const method = 'selection_method=hash,fields(ip_src)';
  return ['group_id=1,type=select', method, ...buckets].join(',');
}
