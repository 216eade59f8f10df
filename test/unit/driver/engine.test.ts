// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { FlowDefinitionError, RevertError, runFlow } from '../../../src/driver/engine.ts';
import { flow, providesOf, requiresOf, task, type Task } from '../../../src/driver/flow.ts';

interface Step {
  readonly requires?: readonly string[];
  readonly provides?: readonly string[];
  readonly fails?: boolean;
  readonly stuck?: boolean;
}

/** A task that writes what happens to it into `journal`. */
function recorded(journal: string[], name: string, step: Step = {}): Task {
  const { requires = [], provides = [], fails = false, stuck = false } = step;
  return task<Record<string, unknown>, Record<string, unknown>>({
    name,
    requires,
    provides,
    execute(inputs) {
      journal.push(`${name}(${Object.values(inputs).join()})`);
      if (fails) throw new Error(`${name} fails`);
      return Object.fromEntries(provides.map((value) => [value, `${name}.${value}`]));
    },
    revert(_inputs, outputs) {
      journal.push(`undo ${name}(${Object.values(outputs).join()})`);
      if (stuck) throw new Error(`${name} is stuck`);
    },
  });
}

describe('a flow', () => {
  test('hands on what its tasks provide, and returns it with what it was given', async () => {
    const journal: string[] = [];
    const values = await runFlow(
      flow(
        'outer',
        recorded(journal, 'first', { requires: ['given'], provides: ['x'] }),
        flow('inner', recorded(journal, 'second', { requires: ['x'], provides: ['y'] })),
        recorded(journal, 'third', { requires: ['y', 'given'] }),
      ),
      { given: null },
    );
    expect(journal).toEqual(['first()', 'second(first.x)', 'third(second.y,)']);
    expect(values).toEqual({ given: null, x: 'first.x', y: 'second.y' });
  });

  test('says what it requires and provides, nested ones included', () => {
    const nested = flow(
      'outer',
      recorded([], 'first', { requires: ['a'], provides: ['x'] }),
      flow('inner', recorded([], 'second', { requires: ['x', 'b'], provides: ['y'] })),
    );
    expect(requiresOf(nested)).toEqual(['a', 'b']);
    expect(providesOf(nested)).toEqual(['x', 'y']);
  });

  test('reverts finished tasks in reverse order, the failed one not', async () => {
    const journal: string[] = [];
    const failing = flow(
      'outer',
      recorded(journal, 'first', { provides: ['x'] }),
      flow('inner', recorded(journal, 'second', { requires: ['x'] })),
      recorded(journal, 'third', { fails: true }),
      recorded(journal, 'fourth'),
    );
    await expect(runFlow(failing, {})).rejects.toThrow('third fails');
    expect(journal).toEqual([
      'first()',
      'second(first.x)',
      'third()',
      'undo second()',
      'undo first(first.x)',
    ]);
  });

  test('reverts the others though one cannot be, and names the cause', async () => {
    const journal: string[] = [];
    const failing = flow(
      'f',
      recorded(journal, 'first'),
      recorded(journal, 'second', { stuck: true }),
      recorded(journal, 'third', { fails: true }),
    );
    const error = await runFlow(failing, {}).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RevertError);
    expect((error as RevertError).errors.map(String)).toEqual(['Error: second is stuck']);
    expect(String((error as RevertError).cause)).toBe('Error: third fails');
    expect(journal).toContain('undo first()');
  });
});

describe('before anything runs, a flow is refused', () => {
  const journal: string[] = [];
  test.each([
    ['that is not given what it requires', [recorded(journal, 'a', { requires: ['x'] })], {}],
    [
      'that requires what only a later task provides',
      [recorded(journal, 'a', { requires: ['x'] }), recorded(journal, 'b', { provides: ['x'] })],
      {},
    ],
    [
      'with two providers of one value',
      [recorded(journal, 'a', { provides: ['x'] }), recorded(journal, 'b', { provides: ['x'] })],
      {},
    ],
    ['that provides what it is given', [recorded(journal, 'a', { provides: ['x'] })], { x: 1 }],
    ['with two tasks of one name', [recorded(journal, 'a'), recorded(journal, 'a')], {}],
  ])('%s', async (_, tasks, inputs) => {
    await expect(runFlow(flow('f', ...tasks), inputs)).rejects.toThrow(FlowDefinitionError);
    expect(journal).toEqual([]);
  });
});
