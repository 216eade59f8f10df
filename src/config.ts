// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { heartbeatSection } from './config/heartbeat.ts';
import { limits } from './config/limits.ts';
import { listen } from './config/listen.ts';
import { metricsSection } from './config/metrics.ts';
import { logLevels } from './log.ts';

const powerOfTwo = z
  .number()
  .int()
  .refine((value) => value >= 256 && Number.isInteger(Math.log2(value)), {
    message: 'must be a power of two from 256 on',
  });
const count = z
  .number()
  .int()
  .min(1)
  .max(2 ** 30);
const seconds = z.number().int().min(1).max(86_400);

/** The configuration file (YAML). Every key has a default; unknown keys are refused. */
const schema = z
  .strictObject({
    listen,
    limits,
    state: z
      .strictObject({
        /** For the file of all distributors; made, for the daemon's user alone, if missing. */
        directory: z.string().startsWith('/').default('/var/lib/distributord'),
        /** What outlives the daemon in the kernel; a directory of a bpffs. */
        pins: z.string().startsWith('/').default('/sys/fs/bpf/distributord'),
      })
      .prefault({}),
    log: z
      .strictObject({
        level: z.enum(logLevels).default('info'),
      })
      .prefault({}),
    /** Sizes of the kernel's maps; memory is taken at start. */
    capacity: z
      .strictObject({
        /** VIPs of all distributors. About 210 bytes each, and 200 for each CPU. */
        vips: count.default(16_384),
        /** Slots of all tables. 8 bytes each; 256 have a position of 48, and 32 for each CPU. */
        slots: count.multipleOf(256).default(4_194_304),
        /** Flow entries. About 180 bytes each; a VIP may have as many as are free. */
        flows: count.default(524_288),
        /** Fragmented datagrams on the way at a time. About 100 bytes each. */
        fragments: count.default(65_536),
      })
      .prefault({}),
    /** Sizes of one distributor's table, powers of two. */
    tables: z
      .strictObject({
        /** Of a new distributor: room for one amphora in 256 slots. It grows as needed. */
        initialSlots: powerOfTwo.default(4096),
        maxSlots: powerOfTwo.default(262_144),
      })
      .prefault({}),
    timeouts: z
      .strictObject({
        /** A TCP connection silent for longer may lose its amphora if the set changed. */
        tcpIdleSeconds: seconds.default(900),
        /** The same for all other protocols. */
        otherIdleSeconds: seconds.default(60),
        /** After a change, unknown flows of protocols without a handshake count as old. */
        learningWindowSeconds: seconds.default(5),
      })
      .prefault({}),
    metrics: metricsSection,
    heartbeat: heartbeatSection,
  })
  .superRefine(({ tables, capacity }, context) => {
    if (tables.initialSlots > tables.maxSlots)
      context.addIssue({
        code: 'custom',
        path: ['tables', 'initialSlots'],
        message: `must not exceed tables.maxSlots, ${tables.maxSlots}`,
      });
    if (tables.maxSlots > 256 * 65_534)
      context.addIssue({
        code: 'custom',
        path: ['tables', 'maxSlots'],
        message: 'must not exceed 8388608: a table has at most 65534 positions',
      });
    if (tables.initialSlots > capacity.slots)
      context.addIssue({
        code: 'custom',
        path: ['tables', 'initialSlots'],
        message: `must not exceed capacity.slots, ${capacity.slots}`,
      });
  });

export type Config = z.infer<typeof schema>;

/** A configuration that cannot be used; the message names file, key and value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads and checks the whole file; nothing of it changes afterwards. @throws ConfigError */
export async function readConfig(path: string): Promise<Config> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`configuration ${path}: ${(error as Error).message}`);
  }
  return parseConfig(text, path);
}

/** @throws ConfigError naming every key at fault */
export function parseConfig(text: string, path: string): Config {
  let content: unknown;
  try {
    content = (parse(text) as unknown) ?? {};
  } catch (error) {
    throw new ConfigError(`configuration ${path}: ${(error as Error).message}`);
  }
  const result = schema.safeParse(content);
  if (result.success) return deepFreeze(result.data);
  const problems = result.error.issues.map(
    (issue) =>
      `  ${issue.path.join('.') || '(top level)'}: ${issue.message}${shown(content, issue.path)}`,
  );
  throw new ConfigError(`configuration ${path}:\n${problems.join('\n')}`);
}

function shown(content: unknown, path: readonly PropertyKey[]): string {
  let value = content;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  return value === undefined || typeof value === 'object' ? '' : ` (is ${JSON.stringify(value)})`;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value) as unknown[])
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
