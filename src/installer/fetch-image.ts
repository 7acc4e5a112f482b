/** Fetches an image from a server to the disk it is for: the live root's memory is too small for it. */
import { CommandError } from '../engine/command.ts';
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import { ensureNetwork } from './live-network.ts';
import type { ImageSource } from './system-config-payload.ts';

/** Seconds a connection may take, and seconds it may crawl below {@link SLOWEST} bytes a second before it is given up. */
const CONNECT_S = 30;
const STALL_S = 60;
const SLOWEST = 1024;
const RETRIES = 5;
/** Milliseconds before the first of them; each further one takes twice as long. */
const PAUSE_MS = 1_000;

/** curl's exit codes that mean the network or the server, not the address (curl(1), EXIT CODES). */
const NETWORK_CODES: readonly number[] = [5, 6, 7, 16, 18, 28, 35, 52, 55, 56, 92];
const DISK_FULL = 23;
const NO_SUCH_PAGE = 22;
const UNTRUSTED = [51, 58, 60, 77];

/**
 * Rejects with a StepFailure: `transient` for a network that is gone, `config-invalid` for an address, a certificate
 * or a disk that no second try helps.
 */
export async function fetchImage(machine: Machine, source: ImageSource, file: string): Promise<void> {
  await ensureNetwork(machine);
  for (let retry = 0; ; retry += 1) {
    const failure = await machine
      .exec({
        file: 'curl',
        args: ['--config', '-', '--output', file],
        // By standard input, since an address and a proxy may carry a password.
        stdin: curlConfig(source),
        effect: 'write',
        timeoutMs: 1_800_000,
      })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    if (failure === undefined) return;
    if (!(failure instanceof CommandError)) throw failure;
    if (retry === RETRIES || !mayPass(failure)) throw fetchFailure(failure, source);
    await machine.sleep(PAUSE_MS * 2 ** retry);
  }
}

/** Whether the same address may answer better a moment later. curl's own retries would ask for a page that is not there, too. */
const mayPass = ({ exitCode, stderr }: CommandError): boolean =>
  exitCode === NO_SUCH_PAGE ? /error: 5\d\d/.test(stderr) : NETWORK_CODES.includes(exitCode ?? -1);

/** A file for curl's `--config`. */
export function curlConfig({ url, proxy, insecure }: ImageSource): string {
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
  return [
    `url = ${quoted(url)}`,
    ...(proxy === undefined ? [] : [`proxy = ${quoted(proxy)}`]),
    ...(insecure ? ['insecure'] : []),
    'fail',
    'location',
    'silent',
    'show-error',
    `connect-timeout = ${CONNECT_S}`,
    `speed-time = ${STALL_S}`,
    `speed-limit = ${SLOWEST}`,
    '',
  ].join('\n');
}

function fetchFailure(error: CommandError, { url }: ImageSource): StepFailure {
  const shown = withoutPassword(url);
  const why = error.stderr.trim().split('\n').at(-1) || error.message;
  const code = error.exitCode ?? -1;
  if (code === DISK_FULL) {
    return new StepFailure('config-invalid', `the disk is too small for ${shown}: ${why}`, 'make / larger');
  }
  if ((code === NO_SUCH_PAGE && !mayPass(error)) || UNTRUSTED.includes(code)) {
    return new StepFailure('config-invalid', `${shown} cannot be fetched: ${why}`, 'correct liveimg --url');
  }
  const gone = mayPass(error) || error.reason === 'timeout';
  return new StepFailure(
    gone ? 'transient' : 'config-invalid',
    `${shown} cannot be fetched: ${why}`,
    'look at the network and the server, then start the installation again: it begins anew',
  );
}

/** An address as it may be shown. */
export const withoutPassword = (url: string): string => url.replace(/\/\/[^/@]*@/, '//***@');
