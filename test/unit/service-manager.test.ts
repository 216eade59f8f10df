// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ServiceManager } from '../../src/service-manager.ts';

const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
const send = vi.fn<(state: string) => void>();

beforeEach(() => {
  vi.resetAllMocks();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('says when it is ready, reloads and stops', () => {
  const manager = new ServiceManager({ send, watchdogMs: null, log });
  manager.ready('answering calls');
  expect(send).toHaveBeenLastCalledWith('READY=1\nSTATUS=answering calls');
  manager.reloading();
  expect(send.mock.lastCall?.[0]).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=/);
  manager.stopping();
  expect(send.mock.lastCall?.[0]).toMatch(/^STOPPING=1\n/);
});

describe('the watchdog', () => {
  test('hears twice in its time, while there is progress', () => {
    const manager = new ServiceManager({ send, watchdogMs: 30_000, log });
    let stalled = 0;
    manager.watch(() => stalled);
    vi.advanceTimersByTime(60_000);
    expect(send.mock.calls).toEqual(Array(4).fill(['WATCHDOG=1']));
    stalled = 30_000;
    vi.advanceTimersByTime(30_000);
    expect(send).toHaveBeenCalledTimes(4);
    expect(log.error).toHaveBeenCalledTimes(2);
    stalled = 0;
    vi.advanceTimersByTime(15_000);
    expect(send).toHaveBeenCalledTimes(5);
    manager.close();
    vi.advanceTimersByTime(60_000);
    expect(send).toHaveBeenCalledTimes(5);
  });

  test.each([
    ['nobody asks', {}, 0],
    ['it is meant for another process', { WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' }, 0],
    ['asked for', { WATCHDOG_USEC: '1000000' }, 1],
    [
      'asked of this process',
      { WATCHDOG_USEC: '1000000', WATCHDOG_PID: process.pid.toString() },
      1,
    ],
  ])('from the environment: %s', (_, environment, timers) => {
    const manager = ServiceManager.fromEnvironment(environment, log);
    manager.watch(() => 0);
    expect(vi.getTimerCount()).toBe(timers);
    manager.close();
  });
});

test('a manager that cannot be told is no reason to end', () => {
  const NOTIFY_SOCKET = '/nowhere/notify.sock';
  ServiceManager.fromEnvironment({ NOTIFY_SOCKET }, log).ready('answering calls');
  expect(log.warn).toHaveBeenCalledOnce();
  ServiceManager.fromEnvironment({}, log).ready('answering calls');
  expect(log.warn).toHaveBeenCalledOnce();
});
