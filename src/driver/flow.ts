// SPDX-License-Identifier: Apache-2.0

/** Values by name: what a flow is given and what its tasks provide. */
export type Values = Readonly<Record<string, unknown>>;

/**
 * One step of a flow. `execute` gets the values it requires and returns those it provides;
 * if it throws, it has undone what it did. `revert` undoes a finished execute.
 */
export interface Task {
  readonly name: string;
  readonly requires: readonly string[];
  readonly provides: readonly string[];
  readonly execute: (inputs: Values) => Promise<Values>;
  readonly revert: (inputs: Values, outputs: Values) => Promise<void>;
}

/** Steps in order; a step may be a flow itself. */
export interface Flow {
  readonly name: string;
  readonly steps: readonly (Task | Flow)[];
}

type MaybePromise<T> = T | Promise<T>;

export interface TaskDefinition<Inputs, Outputs> {
  readonly name: string;
  readonly requires: readonly (keyof Inputs & string)[];
  readonly provides: readonly (keyof Outputs & string)[];
  execute(inputs: Inputs): MaybePromise<Outputs>;
  /** Absent: nothing to undo. */
  revert?(inputs: Inputs, outputs: Outputs): MaybePromise<void>;
}

/** A task with typed values. What is in `Inputs` must be what the named providers provide. */
export function task<Inputs extends object, Outputs extends object>(
  definition: TaskDefinition<Inputs, Outputs>,
): Task {
  return {
    name: definition.name,
    requires: definition.requires,
    provides: definition.provides,
    execute: async (inputs) => (await definition.execute(inputs as Inputs)) as Values,
    revert: async (inputs, outputs) => {
      await definition.revert?.(inputs as Inputs, outputs as Outputs);
    },
  };
}

export function flow(name: string, ...steps: readonly (Task | Flow)[]): Flow {
  return { name, steps };
}

/** Its tasks in order of execution, those of nested flows included. */
export function tasksOf(step: Task | Flow): readonly Task[] {
  return 'steps' in step ? step.steps.flatMap(tasksOf) : [step];
}

/** What must be given to it: required by a task and not provided by one before. */
export function requiresOf(step: Task | Flow): readonly string[] {
  const provided = new Set<string>();
  const required = new Set<string>();
  for (const { requires, provides } of tasksOf(step)) {
    for (const name of requires) if (!provided.has(name)) required.add(name);
    for (const name of provides) provided.add(name);
  }
  return [...required];
}

export function providesOf(step: Task | Flow): readonly string[] {
  return tasksOf(step).flatMap((task) => task.provides);
}
