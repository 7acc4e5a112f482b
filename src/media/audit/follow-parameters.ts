/** A kernel's command line without a menu: parameter files of s390x, and the line inside its boot image. */
import { type AuditEntry, type ConfigPlace, type FollowedConfig, placeOf } from './types.ts';

/** Where mk-s390image puts the command line into the kernel, and how long it may be. */
const COMMAND_LINE = { offset: 0x10480, bytes: 896 } as const;

export async function followParameters(config: ConfigPlace): Promise<FollowedConfig> {
  const place = placeOf(config);
  const bytes = Buffer.from((await config.volume.read(config.path)) ?? '');
  const isImage = config.path.endsWith('.img');
  const { offset } = COMMAND_LINE;
  const text = (isImage ? bytes.subarray(offset, offset + COMMAND_LINE.bytes) : bytes)
    .toString('latin1')
    .replace(/\0.*$/s, '');
  const entry: AuditEntry = {
    place,
    title: 'the kernel of the medium',
    submenus: [],
    isDefault: true,
    kernel: { place, path: config.path, onDisc: true, exists: true },
    initrds: [],
    args: text.split(/\s+/).filter((word) => word !== ''),
  };
  const empty = {
    check: 'menus',
    severity: 'failure',
    message: 'it has no command line for the kernel',
  } as const;
  return {
    place,
    texts: [{ place, text }],
    entries: [entry],
    defaultElsewhere: undefined,
    timeoutSeconds: undefined,
    complaints: entry.args.length === 0 ? [empty] : [],
  };
}
