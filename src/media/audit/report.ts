/** An audit for people: what was looked at, each way to boot, and all that is wrong, with the texts that differ. */
import Table from 'cli-table3';
import pc from 'picocolors';
import { RULED } from '../../plan/table.ts';
import type { AuditReport } from './audit.ts';
import { BOOT_PATHS, type CheckName, type Finding } from './types.ts';

const TITLES: Readonly<Record<CheckName, string>> = {
  volume: 'volume and files',
  partitions: 'partition tables',
  boot: 'boot records',
  loaders: 'boot loaders',
  menus: 'boot menus',
  labels: 'labels',
  kickstarts: 'kickstarts',
  divergence: 'same menu on every path',
  checksum: 'media checksum',
  base: 'compared with the base',
};
const MARKS = { ok: '✓', warning: '!', failure: '✗', skipped: '–' } as const;

export function auditText(report: AuditReport): string {
  const parts = [
    `${report.file}: '${report.volumeId}', ${Math.round(report.bytes / 1e6)} MB`,
    checkTable(report),
    ...(report.paths.length === 0 ? [] : ['', pathTable(report), '']),
    ...report.findings.map(findingText),
    verdictText(report),
  ];
  return `${parts.join('\n')}\n`;
}

const PLAIN = { chars: RULED, style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 } };

function checkTable({ checks, findings }: AuditReport): string {
  const table = new Table(PLAIN);
  for (const { check, verdict, summary } of checks) {
    const count = findings.filter((finding) => finding.check === check).length;
    table.push([coloured(verdict), TITLES[check], count === 0 ? summary : `${count} below`]);
  }
  return trimmed(table.toString());
}

function pathTable({ paths }: AuditReport): string {
  const table = new Table({ head: ['boots by', 'loader', 'menu from', 'time-out takes'], ...PLAIN });
  for (const { id, loader, configs, defaultEntry } of paths) {
    table.push([BOOT_PATHS[id], loader, configs.join('\n'), defaultEntry ?? 'nothing']);
  }
  return trimmed(table.toString());
}

/** Severity, place, what is wrong and what to do; with the texts that differ. */
export function findingText({ check, severity, where, message, hint, diff }: Finding): string {
  const lines = [
    `${severity === 'failure' ? pc.red('failure') : pc.yellow('warning')}: ${where}: ${message} [${check}]`,
  ];
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  if (diff !== undefined) lines.push(...diff.split('\n').map((line) => `  ${line}`));
  return lines.join('\n');
}

const coloured = (verdict: keyof typeof MARKS): string => {
  const mark = MARKS[verdict];
  if (verdict === 'failure') return pc.red(mark);
  return verdict === 'warning' ? pc.yellow(mark) : mark;
};

function verdictText({ verdict, findings }: AuditReport): string {
  const failures = findings.filter(({ severity }) => severity === 'failure').length;
  if (verdict === 'failure')
    return pc.red(`${failures} ${failures === 1 ? 'failure' : 'failures'}: do not use this medium`);
  return verdict === 'warning' ? 'sound, with warnings' : pc.green('sound');
}

const trimmed = (table: string): string =>
  table
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
