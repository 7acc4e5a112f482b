/**
 * Boot menus of install media as data: what a loader offers and passes to the kernel, and what is to be changed.
 *
 * Menu texts are read as Latin-1, one character a byte, so that every byte that is not changed comes out again.
 */

/** A stretch of the text, in characters. */
export interface Span {
  readonly start: number;
  /** The first character after it. */
  readonly end: number;
}

/** A word as it stands in the text, and what it means. */
export interface MenuWord extends Span {
  /** Without quotes and escapes, but for `\x20` and its like, which are the kernel's to read. Variables stay `$name`. */
  readonly value: string;
}

export interface MenuEntry extends Span {
  readonly title: string;
  /** GRUB's `--id`, isolinux's label. */
  readonly id: string | undefined;
  /** One character. */
  readonly hotkey: string | undefined;
  /** Titles of the submenus it lies in, the outermost first. */
  readonly submenus: readonly string[];
  /** Undefined for an entry that starts no kernel, such as "Boot from local drive". */
  readonly kernel: MenuWord | undefined;
  /** Words of the kernel's command line. isolinux's `initrd=` is one of them, as it is for the kernel. */
  readonly args: readonly MenuWord[];
  readonly initrds: readonly string[];
}

export interface Menu {
  readonly syntax: 'grub' | 'isolinux';
  /** In the order of the text. */
  readonly entries: readonly MenuEntry[];
  /** What the time-out takes, as far as the text tells. */
  readonly defaultEntry: MenuEntry | undefined;
  /** Undefined: the menu waits for ever. */
  readonly timeoutSeconds: number | undefined;
}

/** A node's entry to be. */
export interface NodeEntry {
  readonly id: string;
  /** One character. */
  readonly hotkey?: string;
  readonly title: string;
  /** Path of its kickstart on the medium, without a leading slash. */
  readonly kickstart: string;
}

/** What to make of a vendor's menu. Everything else in it stays as it is. */
export interface MenuChange {
  readonly nodes: readonly NodeEntry[];
  /** Id of a node's entry, or {@link DISK_ENTRY}. */
  readonly defaultId: string;
  readonly timeoutSeconds: number;
  /** Volume ids, not escaped; the same when it does not change. */
  readonly label: { readonly from: string; readonly to: string };
  /** Whether a node's entry has the installer check the medium first. */
  readonly checkMedium: boolean;
}

/** Id of the entry that boots from disk, in a vendor's menu. */
export const DISK_ENTRY = 'slipway-disk';

/** Between lines with these words lies what slipway has added; what an earlier run added goes first. */
export const BLOCK_BEGIN = '# slipway: begin';
export const BLOCK_END = '# slipway: end';
