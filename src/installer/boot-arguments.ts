/** What the kernel's command line asks of the installer. */
import { StepFailure } from '../engine/failure.ts';

/** Where a kickstart is to be had, in Anaconda's notation of `inst.ks=`. */
export type KickstartSource =
  | { readonly kind: 'volume'; readonly volume: string; readonly path: string }
  | { readonly kind: 'cdrom'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'http'; readonly url: string };

export interface BootArguments {
  /** Undefined when `inst.ks=` is absent: then a volume labelled OEMDRV may bring one. */
  readonly kickstart?: KickstartSource;
  /** The boot menu's choice: a node's name, or `by-mac`. */
  readonly node?: string;
}

/** The name Anaconda looks for on a volume labelled OEMDRV, and on a volume named without a path. */
const DEFAULT_PATH = '/ks.cfg';

/**
 * Reads `/proc/cmdline`. The last of several equal arguments counts, as for the kernel.
 * @throws {StepFailure} of class `config-invalid` for an `inst.ks=` that names no place known here.
 */
export function parseBootArguments(commandLine: string): BootArguments {
  const last = (name: string): string | undefined =>
    commandLine
      .trim()
      .split(/\s+/)
      .filter((word) => word.startsWith(`${name}=`))
      .at(-1)
      ?.slice(name.length + 1);
  const kickstart = last('inst.ks');
  const node = last('slipway.node');
  return {
    ...(kickstart === undefined ? {} : { kickstart: parseKickstartSource(kickstart) }),
    ...(node === undefined ? {} : { node }),
  };
}

/** Where the installed kernel talks when the command line does not say, in this order: the last one is /dev/console. */
const CONSOLES: readonly string[] = ['console=tty0', 'console=ttyS0,115200'];

/** Arguments that hold for the machine, and so for its installed system too (Anaconda's data/anaconda.conf). */
const PRESERVED: readonly string[] = [
  ...['apic', 'noapic', 'apm', 'noht', 'acpi', 'video', 'pci', 'nodmraid', 'nompath', 'nomodeset', 'noiswmd'],
  ...['fips', 'biosdevname', 'ipv6.disable', 'net.ifnames', 'net.ifnames.prefix', 'nosmt', 'vga'],
];

/** What of the installer's kernel arguments the installed kernel gets: its consoles, and what the machine needs. */
export function preservedArguments(commandLine: string): readonly string[] {
  const words = commandLine.trim().split(/\s+/);
  const consoles = words.filter((word) => word.startsWith('console='));
  return [
    ...words.filter((word) => PRESERVED.includes(word.split('=', 1)[0] ?? '')),
    ...new Set(consoles.length > 0 ? consoles : CONSOLES),
  ];
}

/** Parses `hd:LABEL=X:/path`, `cdrom:/path`, `file:/path` and `http(s)://…`. */
export function parseKickstartSource(text: string): KickstartSource {
  if (/^https?:\/\/./.test(text)) return { kind: 'http', url: text };
  const [, scheme = '', rest = ''] = /^(\w+)(?::(.*))?$/s.exec(text) ?? [];
  switch (scheme) {
    case 'hd': {
      const [, volume = '', path = DEFAULT_PATH] = /^([^:]+)(?::(.+))?$/s.exec(rest) ?? [];
      if (volume === '') break;
      return { kind: 'volume', volume: unescaped(volume), path: absolute(unescaped(path)) };
    }
    case 'cdrom':
      return { kind: 'cdrom', path: absolute(unescaped(rest) || DEFAULT_PATH) };
    case 'file':
      if (rest !== '') return { kind: 'file', path: absolute(unescaped(rest)) };
      break;
  }
  throw new StepFailure(
    'config-invalid',
    `inst.ks=${text} is not a place for a kickstart`,
    'use hd:LABEL=…:/path, cdrom:/path, file:/path or http://…',
  );
}

const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`);

/** A kernel argument cannot hold a space, nor a label a colon: both are written as udev writes them, \x20 and \x3a. */
const unescaped = (text: string): string =>
  text.replace(/\\x([0-7][\da-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
