// SPDX-License-Identifier: Apache-2.0
import { providesOf, requiresOf, tasksOf, type Flow, type Task, type Values } from './flow.ts';

/** A flow that cannot run: nothing of it was executed. */
export class FlowDefinitionError extends Error {
  override readonly name = 'FlowDefinitionError';
}

/** Tasks that could not be undone after a failure, which is the `cause`. */
export class RevertError extends AggregateError {
  override readonly name = 'RevertError';
}

/**
 * Runs a flow's tasks in order and returns every value, given or provided, by name. If one
 * fails, those finished are reverted in reverse order and its error is thrown; if one of
 * these cannot be reverted the others still are, and a RevertError is thrown.
 * @throws FlowDefinitionError before anything runs
 */
export async function runFlow(flow: Flow, inputs: Values): Promise<Values> {
  check(flow, inputs);
  const values: Record<string, unknown> = { ...inputs };
  const finished: { readonly task: Task; readonly outputs: Values }[] = [];
  try {
    for (const task of tasksOf(flow)) {
      const outputs = await task.execute(pick(values, task.requires));
      finished.push({ task, outputs });
      for (const name of task.provides) {
        if (!(name in outputs)) throw new FlowDefinitionError(`${task.name} left out ${name}`);
        values[name] = outputs[name];
      }
    }
    return values;
  } catch (error) {
    await revert(finished.reverse(), { values, error });
    throw error;
  }
}

function check(flow: Flow, inputs: Values): void {
  const missing = requiresOf(flow).filter((name) => !(name in inputs));
  if (missing.length > 0)
    throw new FlowDefinitionError(`flow ${flow.name} requires ${missing.join(', ')}`);
  refuseTwice(
    tasksOf(flow).map((task) => task.name),
    (name) => `flow ${flow.name} has two tasks named ${name}`,
  );
  refuseTwice(
    [...Object.keys(inputs), ...providesOf(flow)],
    (name) => `flow ${flow.name} is given or provides ${name} twice`,
  );
}

function refuseTwice(names: readonly string[], problem: (name: string) => string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new FlowDefinitionError(problem(twice));
}

async function revert(
  finished: readonly { readonly task: Task; readonly outputs: Values }[],
  { values, error }: { values: Values; error: unknown },
): Promise<void> {
  const failures: unknown[] = [];
  for (const { task, outputs } of finished) {
    try {
      await task.revert(pick(values, task.requires), outputs);
    } catch (failure) {
      failures.push(failure);
    }
  }
  if (failures.length > 0)
    throw new RevertError(failures, `${failures.length} tasks could not be undone`, {
      cause: error,
    });
}

function pick(values: Values, names: readonly string[]): Values {
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}
