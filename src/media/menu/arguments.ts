/** The kernel's arguments in boot menus of install media: which word says what, and which entry installs. */
import type { MenuChange, MenuEntry, MenuWord, NodeEntry } from './types.ts';

/**
 * A volume id as it is written after `LABEL=`: what udev would not put into a link's name becomes `\x20` and the like
 * (systemd, `encode_devnode_name`).
 */
export const escapeLabel = (label: string): string =>
  label.replace(/[^a-zA-Z0-9#+.:=@_-]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** `inst.ks=hd:LABEL=…:/…` for a file on the medium. */
const kickstartArgument = (label: string, path: string): string =>
  `inst.ks=hd:LABEL=${escapeLabel(label)}:/${path}`;

const MEDIA_CHECK = 'rd.live.check';

/** What a node's entry has beside the arguments of the vendor's. */
export const nodeArguments = (
  { kickstart }: NodeEntry,
  { checkMedium, label }: Pick<MenuChange, 'checkMedium' | 'label'>,
): readonly string[] => [...(checkMedium ? [MEDIA_CHECK] : []), kickstartArgument(label.to, kickstart)];

/** Names a kickstart: `inst.ks=` and what it was called before RHEL 8, `inst.ks.sendmac` and its like excepted. */
export const isKickstartArgument = (word: string): boolean => /^(?:inst\.)?ks(?:=|$)/.test(word);

export const isMediaCheck = (word: string): boolean =>
  /^(?:rd\.live\.check|(?:inst\.)?mediacheck)(?:=|$)/.test(word);

/** The volume id that an argument names, still escaped: of `inst.stage2=hd:LABEL=…:/…`, `inst.repo=`, `root=live:`. */
export const labelIn = (word: string): string | undefined => /(?:^|[=:])(?:CD)?LABEL=([^:]*)/.exec(word)?.[1];

/** A word with the new volume id where the old one stands; undefined when it does not name the old one. */
export function relabelled(word: string, from: string, to: string): string | undefined {
  if (from === to || labelIn(word) !== escapeLabel(from)) return undefined;
  return word.replace(/LABEL=[^:]*/, () => `LABEL=${escapeLabel(to)}`);
}

/** What makes an entry something else than the plain installation, in the words of EL7 to EL10 and Fedora. */
const SPECIAL =
  /^(?:nomodeset|(?:inst\.)?(?:rescue|text|vnc|updates|xdriver|resolution)|single|systemd\.unit|memtest)(?:=|$)/;

/**
 * The entry a node's entry is made from: the vendor's plain installation, else the one that checks the medium first.
 * Undefined when none starts a kernel with an initramfs.
 */
export function findInstallEntry(entries: readonly MenuEntry[]): MenuEntry | undefined {
  const demerits = ({ args, submenus }: MenuEntry): number =>
    args.filter(({ value }) => SPECIAL.test(value)).length * 100 +
    (args.some(({ value }) => isMediaCheck(value)) ? 10 : 0) +
    submenus.length;
  const [best] = entries
    .filter(({ kernel, initrds }) => kernel !== undefined && initrds.length > 0)
    .map((entry) => ({ entry, demerits: demerits(entry) }))
    .sort((a, b) => a.demerits - b.demerits);
  return best?.entry;
}

/** Whether a word of the vendor's installation entry is left out of a node's. */
export const isNotForNodes = ({ value }: MenuWord): boolean =>
  isKickstartArgument(value) || isMediaCheck(value);
