/** A vendor's GRUB configuration with entries for our nodes; every other byte of it stays as it is. */
import { join } from 'node:path';
import { FailedError } from '../../errors/exit.ts';
import { packageRoot } from '../../host/package-root.ts';
import { renderTemplate } from '../../host/template.ts';
import { ESP_MARKER, grubQuote, grubWord } from '../grub-config.ts';
import { MEDIUM } from '../types.ts';
import {
  findInstallEntry,
  isKickstartArgument,
  isNotForNodes,
  nodeArguments,
  relabelled,
} from './arguments.ts';
import { applyEdits, lineEnding, lineStart, type TextEdit, withoutBlock, withoutWord } from './edits.ts';
import { assignment, commandName, isKernelCommand, isMenuCommand, readGrubMenu } from './grub.ts';
import { type GrubCommand, parseGrub } from './grub-syntax.ts';
import {
  BLOCK_BEGIN,
  BLOCK_END,
  DISK_ENTRY,
  type MenuChange,
  type MenuEntry,
  type MenuWord,
  type NodeEntry,
  type Span,
} from './types.ts';

/**
 * Puts "Boot from disk" and the nodes' entries before the vendor's, sets default and time-out, names the new volume
 * id, and takes kickstarts out of the vendor's own entries. A configuration without entries, one that leads to
 * another, only gets the volume id.
 * @throws {InputError} for text that is no GRUB configuration. @throws {FailedError} when no entry installs.
 */
export function editGrubMenu(vendors: string, file: string, change: MenuChange): string {
  const text = withoutBlock(vendors);
  const commands = parseGrub(text, file);
  const { entries } = readGrubMenu(text, file);
  const labels = allCommands(commands).flatMap((command) => labelEdits(text, command, change.label));
  if (entries.length === 0) return applyEdits(text, labels);
  const template = findInstallEntry(entries);
  if (template === undefined) throw new FailedError(`no entry of ${file} on the medium starts an installer`);
  const settings = SETTINGS.map((setting) => settingEdits(commands, setting, change));
  const missing = SETTINGS.filter((_, i) => settings[i]?.length === 0);
  const block = [
    BLOCK_BEGIN,
    ...missing.map(({ name, value }) => `set ${name}=${value(change)}`),
    renderDiskEntry().trimEnd(),
    ...change.nodes.map((node) => nodeEntry(text, commands, template, node, change)),
    BLOCK_END,
    '',
  ].join('\n');
  const at = lineStart(text, firstMenuCommand(commands));
  const inserted = { start: at, end: at, text: block.replaceAll(/\r?\n/g, lineEnding(text)) };
  const kickstarts = allCommands(commands).flatMap((command) => kickstartEdits(text, command));
  const removed = new Set(kickstarts.map(({ end }) => end));
  return applyEdits(text, [
    inserted,
    ...settings.flat(),
    ...kickstarts,
    ...labels.filter(({ end }) => !removed.has(end)),
  ]);
}

/** What GRUB is told once for the whole menu. */
const SETTINGS: readonly { readonly name: string; readonly value: (change: MenuChange) => string }[] = [
  { name: 'default', value: ({ defaultId }) => grubQuote(defaultId) },
  { name: 'timeout', value: ({ timeoutSeconds }) => grubWord(timeoutSeconds) },
  { name: 'timeout_style', value: () => 'menu' },
];

function settingEdits(
  commands: readonly GrubCommand[],
  { name, value }: (typeof SETTINGS)[number],
  change: MenuChange,
): readonly TextEdit[] {
  return commands.flatMap((command) => {
    const word = assignment(command, name);
    return word === undefined ? [] : [{ ...spanOf(word), text: `${name}=${value(change)}` }];
  });
}

const spanOf = ({ start, end }: Span): Span => ({ start, end });

/** Commands with those of their bodies. */
const allCommands = (commands: readonly GrubCommand[]): readonly GrubCommand[] =>
  commands.flatMap((command) => [command, ...allCommands(command.body?.commands ?? [])]);

/** Where the menu begins. An entry that stands under a condition is gone before as a whole. */
function firstMenuCommand(commands: readonly GrubCommand[]): number {
  const conditions: number[] = [];
  for (const command of commands) {
    const name = commandName(command);
    if (/^(?:if|for|while|until)$/.test(name)) conditions.push(command.start);
    else if (/^(?:fi|done)$/.test(name)) conditions.pop();
    else if (isMenuCommand(command)) return conditions[0] ?? command.start;
  }
  throw new RangeError('a menu with entries has a first one');
}

function labelEdits(
  text: string,
  command: GrubCommand,
  { from, to }: MenuChange['label'],
): readonly TextEdit[] {
  const byLabel =
    commandName(command) === 'search' && command.words.some(({ value }) => LABEL_OPTION.test(value));
  return command.words.flatMap((word) => {
    if (byLabel && from !== to && word.value === from) return [{ ...spanOf(word), text: grubQuote(to) }];
    const value = relabelled(word.value, from, to);
    return value === undefined ? [] : [{ ...spanOf(word), text: grubArgument(value, text, word) }];
  });
}

/** `search --label`, and `-l` alone or among other short options. */
const LABEL_OPTION = /^(?:--label|--fs-label|-[a-z]*l[a-z]*)$/;

/** An argument in the vendor's own way of quoting: none, if it had none. */
function grubArgument(value: string, text: string, before: MenuWord): string {
  const quoted = /['"]/.test(text.slice(before.start, before.end));
  return quoted ? grubQuote(value) : value;
}

/** Takes the words that name a kickstart out of a kernel's command line, each with the space before it. */
function kickstartEdits(text: string, command: GrubCommand): readonly TextEdit[] {
  if (!isKernelCommand(command)) return [];
  return command.words
    .slice(2)
    .filter(({ value }) => isKickstartArgument(value))
    .map((word) => withoutWord(text, word));
}

function nodeEntry(
  text: string,
  commands: readonly GrubCommand[],
  template: MenuEntry,
  node: NodeEntry,
  change: MenuChange,
): string {
  const source = allCommands(commands).find(({ start }) => start === template.start);
  const { body } = source ?? {};
  if (source === undefined || body === undefined)
    throw new RangeError('the template is an entry of the text');
  const edits = body.commands.flatMap((command) => {
    if (!isKernelCommand(command)) return labelEdits(text, command, change.label);
    const dropped = command.words.slice(2).filter(isNotForNodes);
    const kept = { ...command, words: command.words.filter((word) => !dropped.includes(word)) };
    const end = command.words.at(-1)?.end ?? command.end;
    return [
      ...dropped.map((word) => withoutWord(text, word)),
      ...labelEdits(text, kept, change.label),
      { start: end, end, text: ` ${nodeArguments(node, change).join(' ')}` },
    ];
  });
  const shifted = edits.map((edit) => ({
    ...edit,
    start: edit.start - body.start,
    end: edit.end - body.start,
  }));
  const options = inheritedOptions(source, text);
  const hotkey = node.hotkey === undefined ? '' : ` --hotkey=${grubWord(node.hotkey)}`;
  return (
    `menuentry ${grubQuote(`${node.hotkey ?? ' '}  ${node.title}`)} --id=${grubQuote(node.id)}${hotkey}${options} {` +
    `${applyEdits(text.slice(body.start, body.end), shifted)}}`
  );
}

/** What a theme shows and who may choose it. */
function inheritedOptions({ words }: GrubCommand, text: string): string {
  const kept = words.flatMap((word, i) => {
    if (word.value === '--unrestricted' || /^--(?:class|users)=/.test(word.value)) return [word];
    return /^--(?:class|users)$/.test(word.value) ? words.slice(i, i + 2) : [];
  });
  return kept.map(({ start, end }) => ` ${text.slice(start, end)}`).join('');
}

const renderDiskEntry = (): string =>
  renderTemplate(join(packageRoot(), 'iso', 'boot-menu', 'vendor-disk-entry.cfg.ejs'), {
    id: grubQuote(DISK_ENTRY),
    bootDisk: grubWord(`/${MEDIUM.bootDisk}`),
    espMarker: grubWord(ESP_MARKER),
  });
