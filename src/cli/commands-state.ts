// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { ImportStateResponse__Output as ImportStateResponse } from '../../build/proto/distributor/v1/ImportStateResponse.ts';
import { exitStatus } from './exit-status.ts';
import { tell, type Output } from './output.ts';
import { print, run } from './run.ts';
import { readStateFile, StateFileError, toStateFile, writeStateFile } from './state-file.ts';

export function addStateCommands(program: Command): void {
  const state = program
    .command('state')
    .description('all distributors, as they are stored: to keep, or for another host');

  state
    .command('export')
    .description('write all distributors as a JSON document')
    .option('--output <file>', 'in place of standard output; replaced at once, mode 0600')
    .action(({ output: path }: { output?: string }) =>
      run(program, ({ client, output }) =>
        orTell(output, async () => {
          const documents: string[] = [];
          for await (const { document } of client.stream('ExportState', {}))
            documents.push(document);
          const text = toStateFile(documents);
          if (path === undefined) output.out.write(text);
          else await writeStateFile(path, text);
        }),
      ),
    );

  state
    .command('import <file>')
    .description('store the distributors of an exported document: all of them, or none')
    .option('--replace', 'remove the distributors that are not in it', false)
    .option('--dry-run', 'check it, and say what it would change', false)
    .addHelpText(
      'after',
      `
Without --replace the host must have no distributors. Those that are the same afterwards are not
touched, nor are their connections. Thousands of distributors take longer than the --timeout
of distributorctl: raise it. An import that has begun goes on to its end.`,
    )
    .action((path: string, options: { replace: boolean; dryRun: boolean }) =>
      run(program, ({ client, output }) =>
        orTell(output, async () => {
          const documents = await readStateFile(path);
          const { replace, dryRun: dry_run } = options;
          const requests = [
            { options: { replace, dry_run } },
            ...documents.map((document) => ({ document })),
          ];
          const answer = await client.upload('ImportState', requests);
          print(output, answer, (counts) => describe(counts, options));
        }),
      ),
    );
}

/** The exit status; a file that cannot be used is told. */
async function orTell(output: Output, work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return exitStatus.success;
  } catch (error) {
    if (!(error instanceof StateFileError)) throw error;
    tell(output, error.message);
    return exitStatus.failed;
  }
}

function describe(
  { added, changed, removed, unchanged, revision }: ImportStateResponse,
  { dryRun }: { readonly dryRun: boolean },
): string {
  const counts = `${added} added, ${changed} changed, ${removed} removed, ${unchanged} unchanged`;
  return dryRun ? `would be: ${counts}` : `${counts}; revision ${revision}`;
}
