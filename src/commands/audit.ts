import type { Command } from 'commander';

/** What `slipway audit` was asked for, as commander hands it over. */
export interface AuditCommandOptions {
  readonly base?: string;
  readonly checksum: boolean;
  readonly json?: boolean;
  readonly svg?: string;
}

export function registerAudit(program: Command): void {
  program
    .command('audit')
    .summary('say whether an ISO boots the same way everywhere')
    .description(
      'Reads an ISO from outside, of slipway or of anyone: every way to boot, the menu each of them really reads, and ' +
        'what the entries name. Nothing is written but FILE. Exits 3 when something is wrong with the ISO; ' +
        'docs/audit.md explains the checks.',
    )
    .argument('<ISO>', 'the image, or a device that holds one')
    .option('--base <VENDOR.iso>', "the vendor's medium it was made from, to compare loaders with")
    .option('--no-checksum', 'do not read the whole image for the checksum implanted in it')
    .option('--json', 'the report as JSON on standard output')
    .option('--svg <FILE>', 'draw the map of the image into an SVG file')
    .action(async (iso: string, options: AuditCommandOptions) => {
      const { auditIso } = await import('./audit-iso.ts');
      await auditIso(iso, options);
    });
}
