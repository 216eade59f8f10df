// SPDX-License-Identifier: Apache-2.0
// Open vSwitch with its userspace datapath, and the flow and group that the specification of
// Octavia's active-active topology proposes for a distributor.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run, spawnIn } from '../../test/support/namespaces.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { nothingToVerify, orUnavailable, type Place, type Running } from './contender.ts';
import { passFrames } from './nftables.ts';
import { unpackPackages } from './packages.ts';

const BRIDGE = 'br0';
const SCHEMA = 'usr/share/openvswitch/vswitch.ovsschema';
/** Seconds for each command. */
const PATIENCE = '20';

export function startOpenVswitch(place: Place): Promise<Running> {
  return orUnavailable(async () => {
    const programs = await unpackPackages(['openvswitch-switch', 'openvswitch-common']);
    const { namespace, directory, cpus, port } = place;
    const directories = ['RUN', 'LOG', 'DB'].map((name) => `OVS_${name}DIR=${directory}`);
    const command = [...programs.environment, ...directories];
    const call = (...argv: string[]) => run(namespace, [...command, 'timeout', PATIENCE, ...argv]);
    const serve = (name: string, ...argv: string[]) => {
      const log = [`--log-file=${join(directory, `${name}.log`)}`, '-vconsole:off', '-vsyslog:off'];
      spawnIn(namespace, [...command, name, ...argv, ...log], { stdio: 'ignore' });
    };

    const database = join(directory, 'conf.db');
    const socket = join(directory, 'db.sock');
    await call('ovsdb-tool', 'create', database, join(programs.root, SCHEMA));
    serve('ovsdb-server', database, `--remote=punix:${socket}`);
    await waitUntil('the database of Open vSwitch', () => existsSync(socket));
    const configure = (...argv: string[]) => call('ovs-vsctl', `--db=unix:${socket}`, ...argv);
    await configure('--no-wait', 'init');
    serve('taskset', '--cpu-list', cpus, 'ovs-vswitchd', `unix:${socket}`);
    await passFrames(place);
    await configure(
      ...['add-br', BRIDGE, '--', 'set', 'bridge', BRIDGE, 'datapath_type=netdev'],
      ...['fail_mode=secure', 'protocols=OpenFlow15', '--', 'add-port', BRIDGE, port],
      ...['--', 'set', 'interface', port, 'ofport_request=1'],
    );
    const program = (...argv: string[]) => call('ovs-ofctl', '-O', 'OpenFlow15', ...argv);
    await program('add-group', BRIDGE, group(place));
    await program('add-flow', BRIDGE, 'in_port=1,ip,actions=group:1');
    return nothingToVerify;
  });
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
