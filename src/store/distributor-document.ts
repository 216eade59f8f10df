// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { maxWeight, parseAmphoraId } from '../model/amphora.ts';
import { parseUuid, type Distributor } from '../model/distributor.ts';
import { parseAddress, parseSubnet } from '../model/ip.ts';
import { parseMac } from '../model/mac.ts';
import { largestTable, positionCapacity, slotsPerPosition } from '../model/table-size.ts';
import { maxIdle, maxVlanId, vipKey } from '../model/vip.ts';

/** Text that is as the model's own parser would have it. */
const canonical = (parse: (text: string, field: string) => string) =>
  z.string().superRefine((text, context) => {
    const problem = problemOf(() => parse(text, 'value'), text);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem, input: text });
  });

function problemOf(parse: () => string, text: string): string | null {
  try {
    const parsed = parse();
    return parsed === text ? null : `is not in its canonical form, ${parsed}`;
  } catch (error) {
    return (error as Error).message.replace(/^\S+ (?=is |has |does )/, '');
  }
}

const address = canonical(parseAddress);
const idle = z.int().min(1).max(maxIdle).nullable();
/** To the end of year 9999: what a Timestamp of the API can say. */
const moment = z.int().min(0).max(253_402_300_799_999);

const vip = z
  .strictObject({
    address,
    // As Linux takes them: no other can be told from a VIP with tags by its key.
    interface: z.string().regex(/^[^\s/\0]{1,15}$/, { message: 'is not the name of an interface' }),
    vlanIds: z.array(z.int().min(1).max(maxVlanId)).max(2),
    subnet: z.string().nullable(),
    gateway: address.nullable(),
    affinity: z.enum(['SOURCE_IP', 'SOURCE_IP_AND_PORT']),
    tracking: z.enum(['ADAPTIVE', 'FULL', 'STATELESS']),
    tcpIdle: idle,
    otherIdle: idle,
  })
  .superRefine((vip, context) => {
    const { subnet } = vip;
    if (subnet === null) return;
    const problem = problemOf(() => parseSubnet(subnet, vip.address), subnet);
    if (problem !== null)
      context.addIssue({ code: 'custom', path: ['subnet'], message: problem, input: subnet });
  });

const identity = {
  id: canonical(parseAmphoraId),
  ip: address,
  mac: canonical(parseMac).nullable(),
  weight: z.int().min(1).max(maxWeight),
};
const position = z.int().min(0);

const amphora = z.discriminatedUnion('state', [
  z.strictObject({ ...identity, state: z.literal('ACTIVE'), position }),
  z.strictObject({
    ...identity,
    state: z.literal('DRAINING'),
    position,
    drain: z.strictObject({
      startedAt: moment,
      deadline: moment.nullable(),
      then: z.enum(['KEEP', 'UNREGISTER']),
      finished: z
        .strictObject({ outcome: z.enum(['DRAINED', 'DEADLINE_PASSED']), at: moment })
        .nullable(),
    }),
  }),
  z.strictObject({ ...identity, state: z.literal('STANDBY'), position: z.null() }),
  z.strictObject({ ...identity, state: z.literal('FAILED'), position: z.null() }),
]);

/** A distributor as it is stored and exported: all that the model has of it. */
export const distributorSchema = z
  .strictObject({
    id: canonical(parseUuid),
    loadBalancer: z.strictObject({ id: canonical(parseUuid), name: z.string() }),
    vips: z.array(vip),
    amphorae: z.array(amphora),
    tableSize: z
      .int()
      .min(slotsPerPosition)
      .max(largestTable)
      .refine((size) => Number.isInteger(Math.log2(size)), { message: 'is not a power of two' }),
    nextPosition: z.int().min(0),
  })
  .superRefine(({ vips, amphorae, tableSize, nextPosition }, context) => {
    const refuse = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    for (const index of repeated(vips.map(vipKey)))
      refuse(['vips', index, 'address'], 'is there twice');
    for (const key of ['id', 'ip', 'position'] as const)
      for (const index of repeated(amphorae.map((amphora) => amphora[key])))
        refuse(['amphorae', index, key], 'is another amphora’s, too');
    const addresses = new Set(vips.map((each) => each.address));
    amphorae.forEach(({ ip }, index) => {
      if (addresses.has(ip)) refuse(['amphorae', index, 'ip'], 'is a VIP');
    });
    const positions = amphorae.map((each) => each.position);
    const room = positionCapacity(tableSize);
    positions.forEach((place, index) => {
      if (place !== null && place >= Math.min(room, nextPosition))
        refuse(['amphorae', index, 'position'], `is not below tableSize / 256 and nextPosition`);
    });
  }) satisfies z.ZodType<Distributor>;

/** Where values are that were there before; any number of them may be null. */
function repeated(values: readonly unknown[]): number[] {
  const seen = new Set<unknown>();
  return values.flatMap((value, index) => {
    if (value === null || !seen.has(value)) {
      seen.add(value);
      return [];
    }
    return [index];
  });
}

export interface DocumentProblem {
  /** Of the field at fault: `vips[0].address`; empty: the document itself. */
  readonly path: string;
  readonly message: string;
  /** What the field holds, as JSON; empty: nothing, or more than a value. */
  readonly value: string;
}

/** What is wrong with a document, and where. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
  readonly problems: readonly DocumentProblem[];

  constructor(problems: readonly DocumentProblem[]) {
    super(problems.map(describe).join('; '));
    this.problems = problems;
  }
}

function describe({ path, message, value }: DocumentProblem): string {
  return `${path || '(top level)'}: ${message}${value === '' ? '' : ` (is ${value})`}`;
}

export function writeDocument(distributor: Distributor): string {
  return JSON.stringify(distributor);
}

/** @throws DocumentError naming every field at fault and what it holds */
export function readDocument(text: string): Distributor {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new DocumentError([{ path: '', message: (error as Error).message, value: '' }]);
  }
  const result = distributorSchema.safeParse(content);
  if (result.success) return result.data;
  throw new DocumentError(
    result.error.issues.map(({ path, message }) => ({
      path: pathText(path),
      message,
      value: held(content, path),
    })),
  );
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) =>
      typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`,
    )
    .join('');
}

function held(content: unknown, path: readonly PropertyKey[]): string {
  let value = content;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  return value === undefined || typeof value === 'object' ? '' : JSON.stringify(value);
}
