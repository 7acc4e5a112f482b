/** The work of `slipway verify`. */
import { FailedError } from '../errors/exit.ts';
import { type VerifyReport, verifyImage } from '../media/verify.ts';
import { byteProgress } from './byte-progress.ts';
import type { VerifyCommandOptions } from './verify.ts';

/** Prints what differs; rejects with {@link FailedError} when something does. */
export async function verifyIso(iso: string, { manifest, json }: VerifyCommandOptions): Promise<void> {
  const progress = byteProgress('reading');
  const report = await verifyImage(iso, {
    ...(manifest === undefined ? {} : { manifest }),
    onProgress: progress.show,
  }).finally(progress.clear);
  process.stdout.write(json === true ? `${JSON.stringify(report, null, 2)}\n` : verifyText(report));
  const count = report.problems.length;
  if (count > 0)
    throw new FailedError(
      `${iso} is not what was built: ${count} ${count === 1 ? 'difference' : 'differences'}`,
    );
}

function verifyText({ file, manifest, extent, checked, checksum, problems }: VerifyReport): string {
  const lines = problems.map(({ path, message }) => `${path === '' ? 'the image' : `/${path}`}: ${message}`);
  const scope = extent === 'whole' ? 'the whole image and ' : '';
  const sum = checksum === 'absent' ? 'no checksum is implanted' : `the implanted checksum is ${checksum}`;
  return [
    ...lines,
    `${file}: ${scope}${checked} files compared with ${manifest}; ${sum}; ${problems.length === 0 ? 'all as built' : `${problems.length} different`}`,
    '',
  ].join('\n');
}
