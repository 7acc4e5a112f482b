/** The work of `slipway plan`. */
import { dirname } from 'node:path';
import { formatProblems } from '../errors/problem.ts';
import { makePlan } from '../plan/plan.ts';
import { planSvg } from '../plan/svg.ts';
import { planTable } from '../plan/table.ts';
import { loadSpec } from '../spec/load.ts';
import type { PlanOptions } from './plan.ts';
import { specFile } from './spec-file.ts';
import { writeResult } from './write-result.ts';

/** Prints the plan as a table or as JSON, and draws it if asked to. */
export async function showPlan(given: string | undefined, { json, svg }: PlanOptions): Promise<void> {
  const { spec, file, source, steps, warnings } = await loadSpec(specFile(given));
  if (warnings.length > 0) process.stderr.write(`${formatProblems(warnings, new Map([[file, source]]))}\n`);
  const plan = makePlan(spec, dirname(file));
  if (svg !== undefined) await writeResult(svg, planSvg(plan));
  process.stdout.write(json === true ? `${JSON.stringify(plan, null, 2)}\n` : `${planTable(plan, steps)}\n`);
}
