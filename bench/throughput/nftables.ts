// SPDX-License-Identifier: Apache-2.0
import { run } from '../../test/support/namespaces.ts';
import { nothingToVerify, orUnavailable, type Place, type Running } from './contender.ts';
import { unpackPackages } from './packages.ts';
import { passFrames } from './pass-frames.ts';

/** At the earliest hook there is: a hash of the source address decides on the amphora. */
function ruleset({ port, mac, amphorae }: Place): string {
  const map = amphorae.map((amphora, position) => `${position.toString()} : ${amphora}`);
  return `table netdev distributor {
  chain ingress {
    type filter hook ingress device "${port}" priority 0
    ip version 4 ether saddr set ${mac} \\
      ether daddr set jhash ip saddr mod ${amphorae.length.toString()} map { ${map.join(', ')} } \\
      fwd to "${port}"
  }
}
`;
}

export function startNftables(place: Place): Promise<Running> {
  return orUnavailable(async () => {
    const { environment } = await unpackPackages(['nftables']);
    await passFrames(place);
    await run(place.namespace, [...environment, 'nft', '-f', '-'], ruleset(place));
    return nothingToVerify;
  });
}
