// SPDX-License-Identifier: Apache-2.0
// Random requests to the API: well-formed ones with hostile values, damaged ones, noise.
import protobuf from 'protobufjs';
import { serviceName } from '../../src/api/proto.ts';
import type { Random } from '../fuzz/random.ts';

export interface FuzzRequest {
  readonly method: string;
  readonly bytes: Buffer;
}

const path = new URL('../../proto/distributor/v1/distributor.proto', import.meta.url).pathname;
const root = new protobuf.Root().loadSync(path, { keepCase: true });
root.resolveAll();
const service = root.lookupService(serviceName);

/** Few enough that requests meet what others have made. */
const familiar: Readonly<Record<string, readonly string[]>> = {
  id: ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'],
  distributor_id: ['00000000-0000-4000-8000-0000000000d1', '00000000-0000-4000-8000-0000000000d2'],
  amphora_id: ['00000000-0000-4000-8000-000000000001'],
  amphora_ids: ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'],
  address: ['10.0.0.100', 'fd00::100'],
  ip: ['10.0.0.11', '10.0.0.12', 'fd00::11'],
  mac: ['02:00:00:00:01:01', '02:00:00:00:01:02'],
  interface: ['eth0', 'eth1'],
  subnet: ['10.0.0.0/24', 'fd00::/64'],
};

const strings = [
  ...[
    '',
    ' ',
    '\0',
    '\n',
    '../../etc/passwd',
    '{}',
    '%s%n',
    '😀',
    '\u202e',
    '__proto__',
    'constructor',
  ],
  ...['0.0.0.0', '255.255.255.255', '::', '::1', '::ffff:1.2.3.4', '1', '-1', '1e9', 'NaN'],
  ...['ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00', "' OR 1=1 --", 'a'.repeat(300), '😀'.repeat(150)],
];
const numbers = [
  0,
  1,
  2,
  255,
  256,
  257,
  4094,
  4095,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];

function valueOf(field: protobuf.Field, random: Random): unknown {
  if (field.resolvedType instanceof protobuf.Type) return message(field.resolvedType, random);
  if (field.resolvedType instanceof protobuf.Enum)
    return random.below(8) === 0 ? 99 : random.below(4);
  switch (field.type) {
    case 'bool':
      return random.below(2) === 1;
    case 'string': {
      const known = familiar[field.name];
      return known !== undefined && random.below(8) > 0 ? random.pick(known) : random.pick(strings);
    }
    default:
      return random.below(6) > 0 ? 0 : random.pick(numbers);
  }
}

function message(type: protobuf.Type, random: Random): Record<string, unknown> {
  const fields = type.fieldsArray.filter(() => random.below(5) > 0);
  return Object.fromEntries(
    fields.map((field) => {
      const values = Array.from({ length: 1 + random.below(3) }, () => valueOf(field, random));
      return [field.name, field.repeated ? values : values[0]];
    }),
  );
}

function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

function damaged(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  for (let n = 1 + random.below(4); n > 0 && copy.length > 0; n--)
    copy[random.below(copy.length)] = random.below(256);
  return copy;
}

export function fuzzRequest(random: Random): FuzzRequest {
  const { name, resolvedRequestType } = random.pick(service.methodsArray);
  if (resolvedRequestType === null) throw new Error('the .proto is not resolved');
  const whole = () => {
    const content = resolvedRequestType.fromObject(message(resolvedRequestType, random));
    return Buffer.from(resolvedRequestType.encode(content).finish());
  };
  switch (random.below(10)) {
    case 0:
      return { method: name, bytes: noise(random, random.below(64)) };
    case 1: {
      const bytes = whole();
      return { method: name, bytes: bytes.subarray(0, random.below(bytes.length + 1)) };
    }
    case 2:
      return { method: name, bytes: damaged(whole(), random) };
    case 3:
      return { method: `/${noise(random, 4).toString('hex')}/${name}`, bytes: whole() };
    default:
      return { method: name, bytes: whole() };
  }
}
