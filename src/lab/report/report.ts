/** A run's report on disk: `index.html` and `junit.xml` beside its `run.json`. */
import { join } from 'node:path';
import { writeFileAtomically } from '../../host/atomic.ts';
import type { Run } from '../evidence/types.ts';
import { junitXml } from './junit.ts';
import { gatherMaterial } from './material.ts';
import { renderPage } from './page.ts';
import { pageView } from './view.ts';

export interface ReportFiles {
  readonly page: string;
  readonly junit: string;
}

/**
 * Draws `run` with the consoles and screenshots it names below `dir`, and writes both files there. May be called while
 * the run goes on: each file is the old one or the new one.
 */
export async function writeReport(run: Run, dir: string): Promise<ReportFiles> {
  const files = { page: join(dir, 'index.html'), junit: join(dir, 'junit.xml') };
  const view = pageView(run, await gatherMaterial(run, dir), secondsSince(run));
  await writeFileAtomically(files.page, renderPage(view));
  await writeFileAtomically(files.junit, junitXml(run));
  return files;
}

/** Seconds since the run began, by this computer's clock. */
export const secondsSince = ({ startedAt }: Pick<Run, 'startedAt'>): number =>
  Math.max(0, (Date.now() - Date.parse(startedAt)) / 1000);
