/** From a test's `.ks.in` to a kickstart for an installer with an image payload, as the suite's own scripts do it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the suite's launcher learns from a boot ISO and its defaults. */
export interface Platform {
  /** Folder below `fragments/platform`, e.g. `rhel10`. */
  readonly name: string;
  /** `@KSTEST_OS_NAME@` and `@KSTEST_OS_VERSION@`. */
  readonly osName: string;
  readonly osVersion: string;
}

export const PLATFORMS = {
  rhel8: { name: 'rhel8', osName: 'rhel', osVersion: '8.10' },
  rhel9: { name: 'rhel9', osName: 'rhel', osVersion: '9.6' },
  rhel10: { name: 'rhel10', osName: 'rhel', osVersion: '10.0' },
  fedora_rawhide: { name: 'fedora_rawhide', osName: 'fedora', osVersion: 'rawhide' },
} as const satisfies Readonly<Record<string, Platform>>;

/** The payload every test gets instead of the network repositories it names. */
export const IMAGE_PAYLOAD = 'liveimg --url=file:///run/install/repo/slipway/base.squashfs';

/** Commands that say where packages come from. */
const PACKAGE_SOURCE =
  /^(?:url|repo|ostreesetup|ostreecontainer|nfs|cdrom|harddrive|mirrorlist|metalink|module)\b/;
const SECTION = /^%(?:pre|post|pre-install|onerror|traceback|packages|addon|anaconda|certificate)\b/;

/**
 * The kickstart of `test`, with fragments, included files and macros in their places.
 * @throws {Error} when the suite lacks a file that the test names.
 */
export async function expandTest(suite: string, test: string, platform: Platform): Promise<string> {
  const script = await readFile(join(suite, `${test}.sh`), 'utf8');
  const name = /^\s*(?:export )?KICKSTART_NAME=["']?([\w.-]+)/m.exec(script)?.[1] ?? test;
  const source = await readFile(join(suite, `${name}.ks.in`), 'utf8');
  const appended = await replaceLines(source, /^\s*%ksappend\s+(\S+)\s*$/, (path) =>
    fragment(suite, platform, path),
  );
  const expanded = await replaceLines(withMacros(appended, platform), /^\s*@KSINCLUDE@\s*(\S+)\s*$/, (path) =>
    readFile(join(suite, path), 'utf8'),
  );
  return withImagePayload(withMacros(expanded, platform));
}

/** Fragments of this installer's own, as the suite has it override folders for. */
function override(path: string): string | undefined {
  if (path.startsWith('repos/')) return IMAGE_PAYLOAD;
  // The image's Python has the module that newer ones have in a package, python3-crypt-r.
  if (path === 'payload/python_crypt_packages.ks') return '%packages\npython3\n%end';
  return undefined;
}

/** What is overridden comes before what the platform says, and that before what all platforms share. */
async function fragment(suite: string, platform: Platform, path: string): Promise<string> {
  const overridden = override(path);
  if (overridden !== undefined) return overridden;
  for (const folder of [join('platform', platform.name), 'shared']) {
    const text = await readFile(join(suite, 'fragments', folder, path), 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  throw new Error(`the suite has no fragment ${path} for ${platform.name}`);
}

async function replaceLines(
  text: string,
  line: RegExp,
  replacement: (argument: string) => Promise<string>,
): Promise<string> {
  const lines = await Promise.all(
    text.split('\n').map(async (one) => {
      const argument = line.exec(one)?.[1];
      return argument === undefined ? one : (await replacement(argument)).replace(/\n$/, '');
    }),
  );
  return lines.join('\n');
}

const withMacros = (text: string, platform: Platform): string =>
  text.replaceAll('@KSTEST_OS_NAME@', platform.osName).replaceAll('@KSTEST_OS_VERSION@', platform.osVersion);

/** Outside sections, one `liveimg` line in place of every line that names a source of packages. */
export function withImagePayload(kickstart: string): string {
  let inSection = false;
  let given = kickstart.split('\n').some((line) => /^liveimg\b/.test(line));
  const lines = kickstart.split('\n').flatMap((line) => {
    if (SECTION.test(line)) inSection = true;
    else if (/^%end\b/.test(line)) inSection = false;
    if (inSection || !PACKAGE_SOURCE.test(line)) return [line];
    if (given) return [];
    given = true;
    return [IMAGE_PAYLOAD];
  });
  return lines.join('\n');
}
