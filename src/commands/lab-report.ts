/** `slipway lab report`: draws again what a run has seen. */
import { join, resolve } from 'node:path';
import { readRun } from '../lab/report/read-run.ts';
import { writeReport } from '../lab/report/report.ts';

export interface LabReportOptions {
  /** The folder with run.json and the files it names. */
  readonly from: string;
}

export async function labReport({ from }: LabReportOptions): Promise<void> {
  const run = await readRun(join(from, 'run.json'));
  const { page, junit } = await writeReport(run, resolve(from));
  process.stdout.write(`${page}\n${junit}\n`);
}
