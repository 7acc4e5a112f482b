/** What the menu entries of a configuration name: kernel and initramfs, the medium's label, kickstarts. */
import type { Problem } from '../../errors/problem.ts';
import type { Release } from '../../plan/types.ts';
import { isKickstartArgument, isMediaCheck, labelIn } from '../menu/arguments.ts';
import { MEDIUM } from '../types.ts';
import { collector } from './check-structure.ts';
import type { AuditEntry, BootVolume, Finding, FollowedConfig } from './types.ts';

/**
 * Reads a kickstart as the installer of that release would; what it says of severity "error" keeps the installation
 * from starting.
 */
export type JudgeKickstart = (text: string, file: string, release: Release) => readonly Problem[];

export interface MenuSurroundings {
  readonly disc: BootVolume;
  /** Of the primary volume descriptor. */
  readonly volumeId: string;
  /** Whether a checksum is implanted, which entries that check the medium need. */
  readonly hasChecksum: boolean;
  readonly judgeKickstart: JudgeKickstart;
  /** Of the installer on the medium; undefined when it is none that kickstarts are known for. */
  readonly release: Release | undefined;
}

/** Where Anaconda and its like keep the file system of the installer (dracut's anaconda-lib, Fedora 41). */
const STAGE2 = ['images/install.img', 'LiveOS/squashfs.img'];

/** Everything that is wrong with a configuration by itself. */
export async function checkMenu(
  config: FollowedConfig,
  around: MenuSurroundings,
): Promise<readonly Finding[]> {
  const { place } = config;
  const complaints = config.complaints.map((complaint) => ({ ...complaint, where: place }));
  const perEntry = await Promise.all(
    config.entries.map(async (entry) => [
      ...checkFiles(entry),
      ...(await checkArguments(entry, around)),
      ...(await checkKickstart(entry, around)),
    ]),
  );
  return [...complaints, ...perEntry.flat()];
}

const named = ({ place, title }: AuditEntry): string => `${place}, '${title}'`;

function checkFiles(entry: AuditEntry): readonly Finding[] {
  const { findings, fail } = collector('menus');
  const where = named(entry);
  if (!entry.kernel.exists) fail(where, `its kernel ${entry.kernel.place} is not there`);
  for (const initrd of entry.initrds) {
    if (!initrd.exists) fail(where, `its initramfs ${initrd.place} is not there`);
  }
  return findings;
}

async function checkArguments(
  entry: AuditEntry,
  { disc, volumeId, hasChecksum }: MenuSurroundings,
): Promise<readonly Finding[]> {
  const { findings, fail } = collector('labels');
  const where = named(entry);
  for (const word of entry.args) {
    const label = labelIn(word);
    if (label !== undefined && unescapeLabel(label) !== volumeId)
      fail(
        where,
        `${word} names the volume '${unescapeLabel(label)}', this one is '${volumeId}'`,
        'the installer will not find the medium',
      );
    if (/\s/.test(word))
      fail(where, `${JSON.stringify(word)} reaches the kernel as several words`, 'write a space as \\x20');
    if (isMediaCheck(word) && !hasChecksum)
      fail(where, `${word} checks the medium, which has no checksum`, 'implant one with implantisomd5');
  }
  const stage2 = entry.args.find((word) => /^(?:inst\.)?stage2=hd:(?:CD)?LABEL=/.test(word));
  if (stage2 !== undefined && !(await hasStage2(disc, stage2)))
    fail(where, `${stage2} leads to no installer on this medium (${STAGE2.join(', ')})`);
  const medium = entry.args
    .find((word) => word.startsWith('slipway.medium='))
    ?.slice('slipway.medium='.length);
  if (medium !== undefined && !(await disc.has(MEDIUM.id(medium))))
    fail(where, `it wants the medium of build ${medium}, which this one is not`);
  return findings;
}

async function hasStage2(disc: BootVolume, word: string): Promise<boolean> {
  const path = /LABEL=[^:]*:(.+)$/.exec(word)?.[1]?.replace(/^\/+|\/+$/g, '');
  const places =
    path === undefined ? [...STAGE2, MEDIUM.squashfs] : [path, ...STAGE2.map((name) => `${path}/${name}`)];
  return (await Promise.all(places.map((place) => disc.has(place)))).includes(true);
}

async function checkKickstart(
  entry: AuditEntry,
  { disc, judgeKickstart, release }: MenuSurroundings,
): Promise<readonly Finding[]> {
  const { findings, fail } = collector('kickstarts');
  const where = named(entry);
  const words = kickstartWords(entry);
  if (words.length > 1)
    fail(where, `it names ${words.length} kickstarts: ${words.join(' ')}`, 'leave one of them');
  for (const word of words) {
    const path = kickstartOnMedium(word);
    if (path === undefined) continue;
    const content = await disc.read(path);
    if (content === undefined) {
      fail(where, `its kickstart /${path} is not on the medium`);
      continue;
    }
    if (release === undefined) continue;
    const problems = judgeKickstart(Buffer.from(content).toString('utf8'), `/${path}`, release);
    const problem = problems.find(({ severity }) => severity === 'error');
    if (problem !== undefined) fail(`/${path}`, `line ${problem.line}: ${problem.message}`, problem.hint);
  }
  return findings;
}

export const kickstartWords = ({ args }: Pick<AuditEntry, 'args'>): readonly string[] =>
  args.filter((word) => isKickstartArgument(word) && word.includes('='));

/** Path of the kickstart an argument names, if it lies on the medium: by label, by UUID or on "the CD". */
export function kickstartOnMedium(word: string): string | undefined {
  const path = /=(?:hd:(?:(?:CD)?LABEL|UUID)=[^:]*|cdrom(?::[^:/]*)?):(\/.*)$/.exec(word)?.[1];
  return path?.replace(/^\/+/, '');
}

/** `A\x20LABEL` → `A LABEL`, as systemd and dracut read it. */
export const unescapeLabel = (label: string): string =>
  label.replace(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
