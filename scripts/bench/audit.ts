/** Auditing a large medium: 10 GB and 100,000 files, more than any vendor's, in a file that takes little of the disk. */
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Exec, shellLine } from '../../src/engine/command.ts';
import { withTempDir } from '../../src/host/atomic.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { buildProgram } from '../../test/helpers/build-program.ts';
import { vendorBase } from '../../test/helpers/vendor-bases.ts';
import { median, type Row } from './row.ts';

const FOLDERS = 100;
const FILES_EACH = 1000;
const PAYLOAD_BYTES = 9.8e9;
const REPEATS = 5;
const TIMEOUT_MS = 10 * 60_000;

export function benchAudit(exec: Exec): Promise<readonly Row[]> {
  return withTempDir(async (dir) => {
    await buildProgram(exec);
    const image = await largeMedium(dir, exec);
    const took: number[] = [];
    for (let n = 0; n < REPEATS; n++) {
      const { stdout, durationMs } = await exec({
        file: process.execPath,
        args: [join(packageRoot(), 'lib', 'cli.js'), 'audit', '--no-checksum', image],
        effect: 'read',
        // The medium has no checksum, which its menu asks for.
        accept: [3],
      });
      took.push(durationMs / 1000);
      if (!/\b1000\d\d files by Rock Ridge/.test(stdout))
        throw new Error(`the audit did not see all: ${stdout}`);
    }
    return [
      {
        ...{ name: 'audit, 10 GB, 100,000 files', value: median(took), unit: 's', bar: 1 },
        note: `median of ${REPEATS}, without the checksum; from the program's start to its end`,
      },
    ];
  });
}

async function largeMedium(dir: string, exec: Exec): Promise<string> {
  const base = await vendorBase(dir, { layout: 'el9' }, exec);
  const packages = join(dir, 'packages');
  for (let folder = 0; folder < FOLDERS; folder++) {
    const place = join(packages, String(folder));
    await mkdir(place, { recursive: true });
    for (let file = 0; file < FILES_EACH; file++)
      await writeFile(join(place, `a-package-with-a-long-name-${folder}.${file}-1.el9.x86_64.rpm`), 'x');
  }
  const payload = join(dir, 'payload');
  await writeFile(payload, '');
  await truncate(payload, PAYLOAD_BYTES);
  const image = join(dir, 'large.iso');
  const xorriso = shellLine({
    file: 'xorriso',
    effect: 'write',
    args: [
      ...['-padding', 'included', '-indev', `stdio:${base}`, '-outdev', '-', '-boot_image', 'any', 'replay'],
      ...['-map', packages, '/BaseOS/Packages', '-map', payload, '/images/payload.img'],
    ],
  });
  await exec({
    file: 'sh',
    args: ['-c', `${xorriso} | dd of="$1" bs=1M conv=sparse iflag=fullblock`, 'sh', image],
    effect: 'write',
    timeoutMs: TIMEOUT_MS,
  });
  await rm(packages, { recursive: true });
  return image;
}
