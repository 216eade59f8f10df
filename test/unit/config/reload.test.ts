// SPDX-License-Identifier: Apache-2.0
import { beforeEach, expect, test, vi } from 'vitest';
import { ConfigReload, type Reloadable } from '../../../src/config/reload.ts';
import { parseConfig } from '../../../src/config.ts';

const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
let file: string;
let now: number;
let reload: ConfigReload;
const part = vi.fn<Reloadable>();

beforeEach(() => {
  vi.resetAllMocks();
  file = '';
  now = 1000;
  reload = new ConfigReload({
    read: () => Promise.resolve().then(() => parseConfig(file, 'c.yaml')),
    config: parseConfig('', 'c.yaml'),
    ...{ log, now: () => now },
  });
  reload.register('part', part);
  now = 2000;
});

test('the start counts as the first success', () => {
  expect(reload.state).toEqual({ successful: true, lastSuccess: 1000 });
});

test('what can change is handed on, and named', async () => {
  file = 'log: {level: debug}\ntables: {initialSlots: 512}';
  expect(await reload.reload()).toBe(true);
  expect(part).toHaveBeenCalledExactlyOnceWith(parseConfig(file, 'c.yaml'));
  expect(log.info).toHaveBeenCalledWith(
    { keys: ['log.level', 'tables.initialSlots'], event: 'reloaded' },
    expect.any(String),
  );
  expect(log.warn).not.toHaveBeenCalled();
  expect(reload.state).toEqual({ successful: true, lastSuccess: 2000 });
});

test('what cannot is named in one line, again with every reload', async () => {
  file = 'capacity: {vips: 5}\nlisten: {socket: /run/other.sock}\nlog: {level: warn}';
  for (const times of [1, 2]) {
    expect(await reload.reload()).toBe(true);
    expect(log.warn).toHaveBeenCalledTimes(times);
    expect(log.warn).toHaveBeenLastCalledWith(
      { keys: ['capacity.vips', 'listen.socket'] },
      'needs a restart: capacity.vips, listen.socket',
    );
  }
  // By then the other key is in effect already.
  expect(log.info).toHaveBeenLastCalledWith({ keys: [], event: 'reloaded' }, expect.any(String));
});

test('a file that cannot be used changes nothing', async () => {
  file = 'log: {level: loud}\ntables: {initialSlots: 512}';
  expect(await reload.reload()).toBe(false);
  expect(part).not.toHaveBeenCalled();
  expect(reload.state).toEqual({ successful: false, lastSuccess: 1000 });
  const [facts] = log.error.mock.lastCall as [{ err: Error }];
  expect(facts.err.message).toMatch(/log\.level: .*\(is "loud"\)/);
  file = '';
  expect(await reload.reload()).toBe(true);
  expect(reload.state).toEqual({ successful: true, lastSuccess: 2000 });
});

test('a part that refuses is named; the others change, and it is asked again', async () => {
  const other = vi.fn<Reloadable>();
  reload.register('other', other);
  part.mockRejectedValueOnce(new Error('no such certificate'));
  file = 'log: {level: debug}';
  expect(await reload.reload()).toBe(false);
  expect(other).toHaveBeenCalledOnce();
  expect(log.error).toHaveBeenCalledWith(
    expect.objectContaining({ part: 'part', event: 'reload-failed' }),
    'part: not reloaded',
  );
  expect(await reload.reload()).toBe(true);
  expect(log.info).toHaveBeenLastCalledWith(
    { keys: ['log.level'], event: 'reloaded' },
    expect.any(String),
  );
});

test('reloads wait for each other', async () => {
  const steps: string[] = [];
  part.mockImplementation(async () => {
    steps.push('begins');
    await new Promise(setImmediate);
    steps.push('ends');
  });
  expect(await Promise.all([reload.reload(), reload.reload()])).toEqual([true, true]);
  expect(steps).toEqual(['begins', 'ends', 'begins', 'ends']);
});
