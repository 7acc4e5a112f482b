/** The copies of the kickstart that Anaconda leaves in /root, under its names. Pure. */
import { printKickstart } from '../kickstart/print.ts';
import { hideSecrets } from '../kickstart/secrets.ts';
import type { CommandLine, KickstartDocument } from '../kickstart/types.ts';

/** Path on the installed system → text. `kernelLine` is the command line of the installer's kernel. */
export function kickstartCopies(
  original: string,
  document: KickstartDocument,
  kernelLine: string,
): ReadonlyMap<string, string> {
  return new Map([
    ['/root/original-ks.cfg', original],
    ['/root/anaconda-ks.cfg', carriedOut(document, kernelLine.split(/\s+/))],
  ]);
}

/** Commands of a kickstart, and with `inst.` words for the kernel, that keep Anaconda from a screen on the machine. */
const TEXT_MODES = ['text', 'cmdline', 'vnc', 'rdp'];

/**
 * The kickstart as it was carried out: includes in their places, passwords starred out, and `skipx` where the
 * installation was one in text, since Anaconda says so there.
 */
function carriedOut(document: KickstartDocument, words: readonly string[]): string {
  const commands = document.items.filter((item): item is CommandLine => item.kind === 'command');
  const names = commands.map(({ name }) => name);
  const inText = TEXT_MODES.some((mode) => names.includes(mode) || words.includes(`inst.${mode}`));
  return [
    '# As carried out by slipway: includes are in their places, passwords are starred out.',
    ...(inText && !names.includes('skipx') ? ['skipx'] : []),
    ...printKickstart(document).split('\n').map(hideSecrets),
  ].join('\n');
}
