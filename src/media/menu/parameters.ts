/**
 * Parameter files of s390x (`images/*.prm`): one kernel command line over several lines, no menu. Also the copy of it
 * inside `images/cdboot.img`, which is what a machine reads that starts from the medium itself.
 */
import { isKickstartArgument, isMediaCheck, nodeArguments, relabelled } from './arguments.ts';
import { applyEdits } from './edits.ts';
import { wordsIn } from './isolinux.ts';
import type { MenuChange, NodeEntry } from './types.ts';

/** Lines travel as punched cards. */
const CARD_COLUMNS = 80;

/** The file with one node's kickstart; every word that stays, stays where it is. */
export function editParameters(text: string, node: NodeEntry, { label, checkMedium }: MenuChange): string {
  const edits = wordsIn(text, 0, text.length).flatMap(({ start, end, value }) => {
    if (isKickstartArgument(value) || isMediaCheck(value)) return [{ start, end, text: '' }];
    const renamed = relabelled(value, label.from, label.to);
    return renamed === undefined ? [] : [{ start, end, text: renamed }];
  });
  const added = nodeArguments(node, { label, checkMedium });
  // A word that went leaves its line: an empty one would end the parameters on some hypervisors.
  const kept = applyEdits(text, edits)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const lines = [...kept];
  for (const word of added) {
    const joined = `${lines.at(-1) ?? ''} ${word}`.trimStart();
    if (joined.length <= CARD_COLUMNS) lines.splice(-1, 1, joined);
    else lines.push(word);
  }
  return `${lines.join('\n')}\n`;
}

/** Where the kernel of s390x keeps its command line, and how long it may be (arch/s390/kernel/head.S: 0x10480, 896). */
const COMMAND_LINE_OFFSET = 0x10480;
const COMMAND_LINE_BYTES = 896;

/**
 * `cdboot.img` with another command line, its newlines being spaces there. Undefined when the image does not hold the
 * old one at the place that mk-s390image writes it to: then it is made in another way, and is left alone.
 * @throws {RangeError} when the new one is too long.
 */
export function withCommandLine(image: Uint8Array, before: string, after: string): Uint8Array | undefined {
  const area = image.subarray(COMMAND_LINE_OFFSET, COMMAND_LINE_OFFSET + COMMAND_LINE_BYTES);
  const written = Buffer.from(area).toString('latin1').replace(/\0.*$/s, '');
  const oneLine = (text: string): string => text.trim().split(/\s+/).join(' ');
  if (oneLine(written) === '' || oneLine(written) !== oneLine(before)) return undefined;
  const wanted = Buffer.from(oneLine(after), 'latin1');
  if (wanted.length >= COMMAND_LINE_BYTES)
    throw new RangeError(`a kernel's command line on s390x has ${COMMAND_LINE_BYTES - 1} characters at most`);
  const copy = Uint8Array.from(image);
  copy.fill(0, COMMAND_LINE_OFFSET, COMMAND_LINE_OFFSET + COMMAND_LINE_BYTES);
  copy.set(wanted, COMMAND_LINE_OFFSET);
  return copy;
}
