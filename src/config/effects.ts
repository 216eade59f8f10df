// SPDX-License-Identifier: Apache-2.0
import type { Config } from '../config.ts';

/** When a changed key counts: with a reload, or with the next start. */
export type Effect = 'reload' | 'restart';

/** An effect for each key, or one for all that is below. */
type EffectsOf<T> = T extends object
  ? Effect | { readonly [Key in keyof T]-?: EffectsOf<NonNullable<T[Key]>> }
  : Effect;

/** Of every section: one that is left out does not compile. */
export const effects: { readonly [Section in keyof Config]: EffectsOf<Config[Section]> } = {
  listen: {
    socket: 'restart',
    group: 'restart',
    tls: {
      ...{ address: 'restart', port: 'restart' },
      ...{ certificate: 'restart', key: 'restart', ca: 'restart', crl: 'restart' },
      identities: 'reload',
    },
    insecure: 'restart',
  },
  limits: {
    maxMessageBytes: 'restart',
    maxMetadataBytes: 'reload',
    maxConcurrentCalls: { overall: 'reload', perClient: 'reload', perConnection: 'restart' },
    watches: 'reload',
    connections: 'reload',
    callTimeoutSeconds: 'reload',
    ratePerClient: 'reload',
    handshakeTimeoutSeconds: 'restart',
    keepaliveSeconds: 'restart',
    keepaliveTimeoutSeconds: 'restart',
  },
  state: 'restart',
  log: 'reload',
  /** Maps keep their size. */
  capacity: 'restart',
  tables: 'reload',
  timeouts: 'reload',
  metrics: 'restart',
  heartbeat: 'reload',
};

/** @param key dotted, as changedKeys() names it */
export function effectOf(key: string): Effect {
  let place: unknown = effects;
  for (const part of key.split('.')) {
    if (typeof place === 'string') break;
    place = (place as Readonly<Record<string, unknown>> | undefined)?.[part];
  }
  if (place === 'reload' || place === 'restart') return place;
  // A section that comes or goes as a whole.
  if (typeof place === 'object') return 'restart';
  throw new RangeError(`no effect is known of ${key}`);
}
