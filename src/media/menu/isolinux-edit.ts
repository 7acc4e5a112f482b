/** A vendor's isolinux configuration with entries for our nodes; every other byte of it stays as it is. */
import { FailedError } from '../../errors/exit.ts';
import { MEDIUM } from '../types.ts';
import {
  findInstallEntry,
  isKickstartArgument,
  isNotForNodes,
  nodeArguments,
  relabelled,
} from './arguments.ts';
import { applyEdits, lineEnding, type TextEdit, withoutBlock, withoutWord } from './edits.ts';
import {
  type IsolinuxConfig,
  type IsolinuxLabel,
  type IsolinuxLine,
  lastOf,
  parseIsolinux,
  readIsolinuxMenu,
} from './isolinux.ts';
import {
  BLOCK_BEGIN,
  BLOCK_END,
  DISK_ENTRY,
  type MenuChange,
  type MenuWord,
  type NodeEntry,
} from './types.ts';

/**
 * Puts "Boot from disk" and the nodes' entries before the vendor's, sets default and time-out, names the new volume
 * id, and takes kickstarts out of the vendor's own entries.
 * @throws {InputError} for a menu without its end. @throws {FailedError} when no entry installs.
 */
export function editIsolinuxMenu(vendors: string, file: string, change: MenuChange): string {
  const text = withoutBlock(vendors);
  const config = parseIsolinux(text, file);
  const { entries } = readIsolinuxMenu(text, file);
  const template = findInstallEntry(entries);
  const label = config.labels.find(({ start }) => start === template?.start);
  if (label === undefined) throw new FailedError(`no entry of ${file} on the medium starts an installer`);
  const first = config.lines.find(({ keyword }) => keyword === 'label' || keyword === 'menu begin');
  const at = first?.start ?? label.start;
  const block = [
    BLOCK_BEGIN,
    ...missingSettings(config, change),
    ...diskEntry(change),
    ...change.nodes.flatMap((node) => ['', ...nodeEntry(config, label, node, change)]),
    BLOCK_END,
    '',
  ].join(lineEnding(text));
  return applyEdits(text, [
    { start: at, end: at, text: block },
    ...config.lines.flatMap((line) => lineEdits(text, line, config, change)),
  ]);
}

/** Tenths of a second; isolinux takes no more than this (syslinux, doc/syslinux.txt). */
const LONGEST_TIMEOUT = 35_996;
const timeoutOf = ({ timeoutSeconds }: MenuChange): string =>
  String(Math.min(timeoutSeconds * 10, LONGEST_TIMEOUT));

function missingSettings(config: IsolinuxConfig, change: MenuChange): readonly string[] {
  const has = (keyword: string): boolean => lastOf(config.globals, keyword) !== undefined;
  return [
    ...(has('default') || has('ui') ? [] : [`default ${change.defaultId}`]),
    ...(has('timeout') ? [] : [`timeout ${timeoutOf(change)}`]),
  ];
}

function lineEdits(
  text: string,
  line: IsolinuxLine,
  config: IsolinuxConfig,
  change: MenuChange,
): readonly TextEdit[] {
  const value = (wanted: string): readonly TextEdit[] => {
    const [first] = line.words;
    const last = line.words.at(-1);
    return first === undefined || last === undefined
      ? []
      : [{ start: first.start, end: last.end, text: wanted }];
  };
  switch (line.keyword) {
    case 'timeout':
      return value(timeoutOf(change));
    case 'ontimeout':
      return value(change.defaultId);
    case 'default':
      return config.labels.some(({ name }) => name === line.rest) ? value(change.defaultId) : [];
    case 'menu default':
      return [{ start: line.start, end: line.end, text: '' }];
    case 'append':
      return line.words.flatMap((word) => argumentEdits(text, word, change));
    default:
      return [];
  }
}

function argumentEdits(text: string, word: MenuWord, { label }: MenuChange): readonly TextEdit[] {
  const { start, end, value } = word;
  if (isKickstartArgument(value)) return [withoutWord(text, word)];
  const renamed = relabelled(value, label.from, label.to);
  return renamed === undefined ? [] : [{ start, end, text: renamed }];
}

const diskEntry = ({ defaultId }: MenuChange): readonly string[] => [
  `label ${DISK_ENTRY}`,
  '  menu label Boot from ^disk',
  ...(defaultId === DISK_ENTRY ? ['  menu default'] : []),
  // Not `localboot`: a BIOS that has started from a stick may know of no next disk. The boot sector looks for itself.
  `  kernel /${MEDIUM.bootDisk}`,
];

/** The lines of the vendor's entry that are not about how the menu shows it, with a node's arguments. */
function nodeEntry(
  config: IsolinuxConfig,
  template: IsolinuxLabel,
  node: NodeEntry,
  change: MenuChange,
): readonly string[] {
  const { label } = change;
  const append = lastOf(template.lines, 'append') ?? lastOf(config.globals, 'append');
  const inherited = append === undefined || append.rest === '-' ? [] : append.words;
  const args = [
    ...inherited
      .filter((word) => !isNotForNodes(word))
      .map(({ value }) => relabelled(value, label.from, label.to) ?? value),
    ...nodeArguments(node, change),
  ];
  return [
    `label ${node.id}`,
    `  menu label ${node.hotkey === undefined ? '  ' : `^${node.hotkey} `} ${node.title}`,
    ...(change.defaultId === node.id ? ['  menu default'] : []),
    ...template.lines
      .filter(({ keyword }) => keyword !== 'label' && keyword !== 'append' && !keyword.startsWith('menu'))
      .map(({ keyword, rest }) => `  ${keyword} ${rest}`.trimEnd()),
    `  append ${args.join(' ')}`,
  ];
}
