/** A GRUB configuration as a menu: entries, submenus, default and time-out. */
import { type GrubBody, type GrubCommand, parseGrub } from './grub-syntax.ts';
import type { Menu, MenuEntry, MenuWord } from './types.ts';

/** A line of the menu, as `default` counts them: an entry, or a submenu with lines of its own. */
interface MenuItem {
  readonly title: string;
  readonly id: string | undefined;
  readonly entry?: MenuEntry;
  readonly items?: readonly MenuItem[];
}

/** @throws {InputError} for text that is no GRUB configuration; `file` is named there. */
export function readGrubMenu(text: string, file: string): Menu {
  const commands = parseGrub(text, file);
  const items = itemsOf(commands, []);
  const timeout = Number(lastSetting(commands, 'timeout') ?? Number.NaN);
  const wanted = lastSetting(commands, 'default');
  return {
    syntax: 'grub',
    entries: items.flatMap(entriesOf),
    defaultEntry: wanted === undefined ? firstEntry(items) : resolveDefault(wanted, items),
    timeoutSeconds: timeout >= 0 ? timeout : undefined,
  };
}

export const commandName = ({ words }: GrubCommand): string => words[0]?.value ?? '';

export const isMenuCommand = (command: GrubCommand): command is GrubCommand & { readonly body: GrubBody } =>
  command.body !== undefined && /^(?:menuentry|submenu)$/.test(commandName(command));

/** `linux`, `linuxefi`, `linux16`: starts a kernel with the rest of its words. */
export const isKernelCommand = (command: GrubCommand): boolean =>
  /^linux(?:efi|16)?$/.test(commandName(command));

const isInitrdCommand = (command: GrubCommand): boolean => /^initrd(?:efi|16)?$/.test(commandName(command));

/** The word `NAME=VALUE` of `set NAME=VALUE`, with or without the `set`. */
export function assignment({ words }: GrubCommand, name: string): MenuWord | undefined {
  const word = words[words[0]?.value === 'set' ? 1 : 0];
  return word?.value.startsWith(`${name}=`) === true ? word : undefined;
}

function lastSetting(commands: readonly GrubCommand[], name: string): string | undefined {
  const word = commands.map((command) => assignment(command, name)).findLast((each) => each !== undefined);
  return word?.value.slice(name.length + 1);
}

function itemsOf(commands: readonly GrubCommand[], submenus: readonly string[]): readonly MenuItem[] {
  return commands.filter(isMenuCommand).map((command) => {
    const { title, id, hotkey } = headOf(command);
    if (commandName(command) === 'submenu') {
      return { title, id, items: itemsOf(command.body.commands, [...submenus, title]) };
    }
    const { start, end, body } = command;
    const kernel = body.commands.find(isKernelCommand);
    const entry: MenuEntry = {
      ...{ start, end, title, id, hotkey, submenus },
      kernel: kernel?.words[1],
      args: kernel?.words.slice(2) ?? [],
      initrds: body.commands
        .filter(isInitrdCommand)
        .flatMap(({ words }) => words.slice(1).map(({ value }) => value)),
    };
    return { title, id, entry };
  });
}

/** Options of `menuentry` and `submenu` that have a value. */
const WITH_VALUE = ['--class', '--users', '--hotkey', '--id', '--source'];

function headOf({ words }: GrubCommand) {
  const options = new Map<string, string>();
  const plain: string[] = [];
  for (let i = 1; i < words.length; i++) {
    const word = words[i]?.value ?? '';
    const [name = '', value] = word.split(/=(.*)/s);
    if (!word.startsWith('--')) plain.push(word);
    else if (value !== undefined) options.set(name, value);
    else if (WITH_VALUE.includes(word)) options.set(word, words[++i]?.value ?? '');
  }
  return { title: plain[0] ?? '', id: options.get('--id'), hotkey: options.get('--hotkey') };
}

const entriesOf = ({ entry, items = [] }: MenuItem): readonly MenuEntry[] =>
  entry === undefined ? items.flatMap(entriesOf) : [entry];

/** A submenu as default opens, and does not start anything by itself. */
const firstEntry = (items: readonly MenuItem[]): MenuEntry | undefined => items[0]?.entry;

/** `default` is a position, an id or a title, and for entries of submenus a path of those, `a>b` (GRUB manual, 15.1.9). */
function resolveDefault(wanted: string, items: readonly MenuItem[]): MenuEntry | undefined {
  const whole = items.find(({ id, title }) => id === wanted || title === wanted);
  if (whole !== undefined) return whole.entry;
  const [step = '', rest] = wanted.split(/>(.*)/s);
  const item = /^\d+$/.test(step)
    ? items[Number(step)]
    : items.find(({ id, title }) => id === step || title === step);
  if (rest === undefined) return item?.entry;
  return item?.items === undefined ? undefined : resolveDefault(rest, item.items);
}
