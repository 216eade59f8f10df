// SPDX-License-Identifier: Apache-2.0
import type { Plot } from './plot.ts';

/** A table as it is printed. */
export interface Table {
  /** What is compared, and what the numbers are; ends with a colon. */
  readonly title: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a section has measured. */
export interface Findings {
  readonly tables: readonly Table[];
  readonly plots: readonly Plot[];
  /** Every number, for build/bench.json: names say what it is and its unit. */
  readonly figures: unknown;
}

export interface SectionOptions {
  /** Fewer cases and shorter runs: for a look, not for the documentation. */
  readonly isQuick: boolean;
  /** Says what is being measured now. */
  readonly progress: (what: string) => void;
}

/** A part of the benchmark. It removes what it makes, also when it fails. */
export interface Section {
  /** Its key in build/bench.json, and how it is chosen on the command line. */
  readonly name: string;
  measure(options: SectionOptions): Promise<Findings>;
}
