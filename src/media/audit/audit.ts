/** Reads an ISO from outside, ours or anyone's, and says whether it boots the same way everywhere it should. */

import { checkMediaChecksum, implantedChecksum } from '../image/checksum.ts';
import { type ImageMap, mapImage } from '../image/map.ts';
import type { Medium } from '../image/medium.ts';
import { withImage } from '../image/source.ts';
import { type BootParts, checkAgainstBase } from './check-base.ts';
import { type ComparedConfig, checkDivergence } from './check-divergence.ts';
import { checkLoaders } from './check-loaders.ts';
import { checkMenu, type JudgeKickstart, kickstartWords } from './check-menus.ts';
import { checkBootRecords, checkPartitions, checkVolume, collector } from './check-structure.ts';
import { type Survey, survey } from './survey.ts';
import {
  BOOT_PATHS,
  type BootPath,
  type BootPathId,
  CHECK_NAMES,
  type CheckName,
  type CheckResult,
  type Finding,
  placeOf,
} from './types.ts';

export interface AuditOptions {
  readonly judgeKickstart: JudgeKickstart;
  /** The vendor's medium that this one was made from. */
  readonly base?: string;
  /** Reads the whole image to compare the implanted checksum; the rest takes a fraction of a second. */
  readonly checksum: boolean;
  /** Ways to boot that the medium must have. */
  readonly expect?: readonly BootPathId[];
  /** Hears how much of the image has passed for the checksum. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface AuditReport {
  readonly file: string;
  readonly bytes: number;
  readonly volumeId: string;
  readonly verdict: 'ok' | 'warning' | 'failure';
  readonly checks: readonly CheckResult[];
  readonly paths: readonly PathReport[];
  readonly findings: readonly Finding[];
  readonly map: ImageMap;
}

/** How one way to boot goes. */
export interface PathReport {
  readonly id: BootPathId;
  /** What starts the kernel, and where it lies. */
  readonly loader: string;
  /** Every file the menu may be taken from, the one firmware was seen to read first. */
  readonly configs: readonly string[];
  /** Title of the entry that the time-out takes. */
  readonly defaultEntry: string | undefined;
  /** `inst.ks=` arguments of its entries, each once. */
  readonly kickstarts: readonly string[];
}

/** @throws {InputError} when the file is no ISO image. */
export async function auditImage(path: string, options: AuditOptions): Promise<AuditReport> {
  return withImage(path, async (image) => {
    const own = await survey(image);
    const { base } = options;
    const theirs = base === undefined ? undefined : await withImage(base, survey);
    return judge(own, theirs, options);
  });
}

/** The report on a survey that was made; pure but for the checksum, which reads the image. */
async function judge(own: Survey, base: BootParts | undefined, options: AuditOptions): Promise<AuditReport> {
  const { medium, paths, programs, configs, fats, disc } = own;
  const { image, volume } = medium;
  const hasChecksum = implantedChecksum(volume) !== undefined;
  const around = {
    disc,
    volumeId: volume.volumeId,
    hasChecksum,
    judgeKickstart: options.judgeKickstart,
    release: own.release,
  };
  const menus = await Promise.all([...configs.values()].map((config) => checkMenu(config, around)));
  const findings = unique([
    ...checkVolume(medium),
    ...checkPartitions(medium),
    ...(await checkBootRecords(medium, paths, fats)),
    ...checkExpected(paths, options.expect ?? []),
    ...checkLoaders(paths, programs),
    ...own.unread,
    ...checkConfigured(paths),
    ...menus.flat(),
    ...checkDivergence(compared(own)),
    ...(options.checksum ? await checkChecksum(medium, options) : []),
    ...(base === undefined ? [] : checkAgainstBase(own, base)),
  ]);
  const skipped = new Map<CheckName, string>([
    ...(options.checksum ? [] : [['checksum', 'not read'] as const]),
    ...(base === undefined ? [['base', 'no base given'] as const] : []),
  ]);
  const summaries = summarise(own, hasChecksum);
  const checks = CHECK_NAMES.map((check): CheckResult => {
    const why = skipped.get(check);
    if (why !== undefined) return { check, verdict: 'skipped', summary: why };
    return {
      check,
      verdict: worst(findings.filter((each) => each.check === check)),
      summary: summaries[check],
    };
  });
  return {
    file: image.path,
    bytes: image.bytes,
    volumeId: volume.volumeId,
    verdict: worst(findings),
    checks,
    paths: paths.map((path) => reportPath(path, configs)),
    findings,
    map: mapImage(medium, fats),
  };
}

/** Copies of one menu share their faults: each is told once. */
const unique = (findings: readonly Finding[]): readonly Finding[] => [
  ...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values(),
];

const worst = (findings: readonly Finding[]): AuditReport['verdict'] =>
  findings.some(({ severity }) => severity === 'failure')
    ? 'failure'
    : findings.length > 0
      ? 'warning'
      : 'ok';

function checkExpected(paths: readonly BootPath[], expected: readonly BootPathId[]): readonly Finding[] {
  const { findings, fail } = collector('boot');
  for (const id of expected) {
    if (!paths.some((path) => path.id === id)) fail(BOOT_PATHS[id], 'the medium does not boot this way');
  }
  return findings;
}

function checkConfigured(paths: readonly BootPath[]): readonly Finding[] {
  const { findings, fail } = collector('menus');
  for (const { id, configs, loader } of paths) {
    if (configs.length === 0)
      fail(BOOT_PATHS[id], `${loader.where} finds no configuration where it looks for one`);
  }
  return findings;
}

async function checkChecksum(
  { image, volume }: Medium,
  { onProgress }: AuditOptions,
): Promise<readonly Finding[]> {
  const { findings, fail, warn } = collector('checksum');
  const result = await checkMediaChecksum(image, volume, onProgress);
  if (result === 'absent') warn('the image', 'no checksum is implanted, so the medium cannot check itself');
  if (result === 'wrong')
    fail(
      'the image',
      'its content is not what the implanted checksum was taken of',
      'copy or download it again',
    );
  return findings;
}

/** One configuration a path, what firmware was seen to read; then every other copy. */
function compared({ paths, configs, copies }: Survey): readonly ComparedConfig[] {
  const found = new Map<string, ComparedConfig>();
  const add = (place: string, title: string): void => {
    const config = configs.get(place);
    if (config !== undefined && !found.has(place)) found.set(place, { title, config });
  };
  for (const { id, configs: places } of paths)
    for (const place of places.slice(0, 1)) add(placeOf(place), BOOT_PATHS[id]);
  for (const { configs: places } of [...paths, ...copies])
    for (const place of places) add(placeOf(place), placeOf(place));
  return [...found.values()];
}

function reportPath({ id, loader, configs: places }: BootPath, configs: Survey['configs']): PathReport {
  const followed = places
    .map((place) => configs.get(placeOf(place)))
    .filter((config) => config !== undefined);
  const [first] = followed;
  return {
    id,
    loader: `${loader.kind === 'unknown' ? 'unknown loader' : loader.kind} (${loader.where})`,
    configs: places.map(placeOf),
    defaultEntry: first?.defaultElsewhere ?? first?.entries.find(({ isDefault }) => isDefault)?.title,
    kickstarts: [...new Set(followed.flatMap(({ entries }) => entries.flatMap(kickstartWords)))],
  };
}

function summarise(
  { medium, configs, programs, paths, fats, release }: Survey,
  hasChecksum: boolean,
): Record<CheckName, string> {
  const { tree, partitions } = medium;
  const entries = [...configs.values()].flatMap((config) => config.entries);
  const kickstarts = new Set(entries.flatMap(kickstartWords));
  const files = [...tree.entries.values()].filter(({ kind }) => kind === 'file').length;
  const tables = [
    partitions.mbr === undefined ? [] : ['MBR'],
    partitions.gpt === undefined ? [] : ['GPT, both copies'],
  ].flat();
  const signed = programs.filter(({ signatures }) => (signatures?.signatures.length ?? 0) > 0).length;
  return {
    volume: `${counted(files, 'file')} by ${NAMINGS[tree.naming]} names`,
    partitions: tables.length === 0 ? 'none' : tables.join(' and '),
    boot: `${counted(paths.length, 'way')} to boot, ${counted(fats.length, 'EFI image')}`,
    loaders: `${counted(programs.length, 'UEFI program')}, ${signed} signed`,
    menus: `${counted(configs.size, 'configuration')}, ${counted(entries.length, 'entry', 'entries')}`,
    labels: `'${medium.volume.volumeId}' wherever the medium is named`,
    kickstarts: `${counted(kickstarts.size, 'kickstart')}, ${release === undefined ? 'not parsed: the release is unknown' : `for ${release}`}`,
    divergence: `${counted(configs.size, 'configuration')} compared`,
    checksum: hasChecksum ? 'the implanted MD5 is right' : 'none implanted',
    base: 'ways to boot and loaders',
  };
}

const NAMINGS = { 'rock-ridge': 'Rock Ridge', joliet: 'Joliet', iso9660: 'ISO 9660' } as const;

const counted = (count: number, noun: string, plural = `${noun}s`): string =>
  `${count} ${count === 1 ? noun : plural}`;
