/** The work of `slipway audit`, and the audit that `slipway iso` does of its own result. */
import { FailedError } from '../errors/exit.ts';
import { parseKickstart } from '../kickstart/parse.ts';
import { type AuditOptions, type AuditReport, auditImage } from '../media/audit/audit.ts';
import type { JudgeKickstart } from '../media/audit/check-menus.ts';
import { auditText, findingText } from '../media/audit/report.ts';
import { imageMapSvg } from '../media/image/map-svg.ts';
import type { AuditCommandOptions } from './audit.ts';
import { byteProgress } from './byte-progress.ts';
import { writeResult } from './write-result.ts';

/** Prints the report; rejects with {@link FailedError} when the ISO is not sound. */
export async function auditIso(iso: string, options: AuditCommandOptions): Promise<void> {
  const progress = byteProgress('reading');
  const report = await auditImage(iso, {
    judgeKickstart: judgeByParser,
    checksum: options.checksum,
    onProgress: progress.show,
    ...(options.base === undefined ? {} : { base: options.base }),
  }).finally(progress.clear);
  if (options.svg !== undefined) await writeResult(options.svg, imageMapSvg(report));
  process.stdout.write(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : auditText(report));
  if (report.verdict === 'failure') throw new FailedError(failureText(report));
}

/**
 * The audit of an ISO that was just built. Its checksum was taken while it was written and is not read again.
 * @throws {FailedError} with everything that is wrong.
 */
export async function requireSound(
  iso: string,
  options: Pick<AuditOptions, 'base' | 'expect'> = {},
): Promise<void> {
  const report = await auditImage(iso, { ...options, judgeKickstart: judgeByParser, checksum: false });
  if (report.verdict !== 'failure') return;
  const failures = report.findings.filter(({ severity }) => severity === 'failure');
  throw new FailedError(['the ISO is not sound, and is not kept', ...failures.map(findingText)].join('\n'));
}

/** What the parser says about a kickstart by the tables of the release on the medium. */
export const judgeByParser: JudgeKickstart = (text, file, release) =>
  parseKickstart(text, file, release).problems;

export function failureText({ file, findings }: AuditReport): string {
  const failures = findings.filter(({ severity }) => severity === 'failure');
  const [first] = failures;
  const more = failures.length === 1 ? '' : `, and ${failures.length - 1} more`;
  return `${file} is not sound: ${first?.where}: ${first?.message}${more}`;
}
