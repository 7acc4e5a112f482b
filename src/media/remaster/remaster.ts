/** A vendor's install medium with our kickstarts, packages and boot menu on it: same loaders, same ways to boot. */
import { mkdir, stat, statfs, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Exec } from '../../engine/command.ts';
import { makeFolder } from '../../engine/make-folder.ts';
import { FailedError, MissingError } from '../../errors/exit.ts';
import { fileProblem, InputError } from '../../errors/problem.ts';
import type { Cache } from '../../host/cache.ts';
import { hashJson, hashTree } from '../../host/hash.ts';
import type { Plan } from '../../plan/types.ts';
import { bootDiskSector } from '../boot-disk-sector.ts';
import { portablePlan } from '../build-id.ts';
import { type Medium, readMedium, readMediumFile } from '../image/medium.ts';
import { type ImageSource, withImage } from '../image/source.ts';
import { ISO_BLOCK } from '../image/volume.ts';
import { describeFiles, type FileRecord, MANIFEST_VERSION } from '../manifest.ts';
import { withCommandLine } from '../menu/parameters.ts';
import { describeContents, findUnchanged, json, publishIso } from '../publish.ts';
import { together } from '../together.ts';
import { type IsoResult, type KickstartArtefact, MEDIUM } from '../types.ts';
import { checkVendorMedium, fileKey, vendorContents, vendorIdentityHash } from '../vendor/check.ts';
import { inspectVendorMedium, type VendorMedium } from '../vendor/medium.ts';
import { ROOM_HINT, withWorkFolder, workParent } from '../work-folder.ts';
import type { MediumEntry } from '../xorriso.ts';
import { spanBytes } from './draft.ts';
import { editFatImage } from './esp.ts';
import { planRemaster, type RemasterPlan } from './plan.ts';
import { type Drafting, draftSkeleton, startWriting } from './writing.ts';

export interface RemasterInputs {
  readonly plan: Plan;
  readonly kickstarts: readonly KickstartArtefact[];
  /** Folder with the RPMs and their repodata. */
  readonly repository: string;
  /** Files of the user's. */
  readonly files: readonly MediumEntry[];
  /** The vendor's ISO, absolute. */
  readonly base: string;
  /** The medium's new volume id; undefined keeps the vendor's. */
  readonly volumeId: string | undefined;
  /** Whether the entries of nodes have the installer check the medium first. */
  readonly checkMedium: boolean;
  /** Where the ISO goes; written under a temporary name and renamed. */
  readonly out: string;
  /** The folder to write it in; default that of `out`. */
  readonly work?: string;
  /** Seconds since the epoch; stamps every file that is new on the medium. */
  readonly sourceDateEpoch: number;
}

export interface RemasterDeps {
  readonly exec: Exec;
  readonly cache: Cache;
  /** Version of slipway, for the manifest. */
  readonly version: string;
  /** Looks at the finished ISO before it gets its name; rejects when it must not. */
  readonly audit: (iso: string) => Promise<void>;
  readonly say?: (line: string) => void;
  /** Commands that write are only shown. */
  readonly preview?: boolean;
}

/** Beside the ISO and, but for `iso`, on it. */
export interface RemasterManifest {
  readonly version: typeof MANIFEST_VERSION;
  readonly cluster: string;
  readonly buildId: string;
  readonly volumeId: string;
  readonly slipway: string;
  readonly sourceDateEpoch: number;
  readonly base: {
    readonly family: string;
    readonly version: string;
    readonly arch: string;
    readonly volumeId: string;
    readonly bytes: number;
    /** `md5:` and its implanted checksum, or `sha256:` and the hash of the file. */
    readonly identity: string;
  };
  /** What is new on the medium, or not as on the base. Sorted by path, without this manifest. */
  readonly files: readonly FileRecord[];
}

/** Raised when the layout of the medium changes in a way that its inputs do not show. */
const REMASTER_FORMAT = 2;

/**
 * Makes the ISO, or keeps the one that is there if it was made from the same inputs and is still whole.
 *
 * Works in a folder beside `inputs.out`, or in `inputs.work`, which is removed however this ends; the ISO gets its name only when it is
 * complete and has been audited. Needs neither root nor loop devices. The base is compared with its own checksum while
 * the new ISO is written.
 * @throws {InputError} when the base is damaged, cut off or no medium for this. @throws {FailedError} when the result
 * is not right. @throws {MissingError} when there is no room.
 */
export async function remasterIso(inputs: RemasterInputs, deps: RemasterDeps): Promise<IsoResult> {
  return withImage(inputs.base, async (source) => {
    const baseKey = await fileKey(inputs.base);
    const medium = await readMedium(source);
    const vendor = await inspectVendorMedium(medium);
    const plan = planRemaster(vendor, inputs);
    const identity = await vendorIdentityHash(inputs.base, medium.volume, deps.cache);
    const buildId = await remasterId(inputs, plan, identity, deps.version);
    const unchanged = await findUnchanged(inputs.out, buildId);
    if (unchanged !== undefined) {
      deps.say?.(`${basename(inputs.out)} is unchanged (build ${buildId})`);
      return unchanged;
    }
    return withWorkFolder(inputs, (dir) =>
      build({ inputs, deps, source, medium, vendor, plan, baseKey, identity, buildId, dir }),
    );
  });
}

async function remasterId(
  { plan, kickstarts, repository, files, sourceDateEpoch }: RemasterInputs,
  { change, configs, fatImages }: RemasterPlan,
  identity: string,
  version: string,
): Promise<string> {
  const hash = hashJson({
    ...{ format: REMASTER_FORMAT, version, sourceDateEpoch, identity, change, configs },
    plan: portablePlan(plan),
    kickstarts,
    repository: await hashTree(repository),
    files: await describeFiles(files),
    fatImages: fatImages.map((image) => image.configs),
  });
  return hash.slice(0, 16);
}

interface Build {
  readonly inputs: RemasterInputs;
  readonly deps: RemasterDeps;
  readonly source: ImageSource;
  readonly medium: Medium;
  readonly vendor: VendorMedium;
  readonly plan: RemasterPlan;
  /** {@link fileKey} of the base before anything of it was read. */
  readonly baseKey: string;
  readonly identity: string;
  readonly buildId: string;
  readonly dir: string;
}

async function build(b: Build): Promise<IsoResult> {
  const { inputs, deps, medium, vendor, dir, baseKey } = b;
  const fat = await editFatImages(b);
  const { entries, manifest } = await stage(b, fat.entries);
  const ours = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  await requireRoom(b, ours);
  const { exec, cache, audit, say = () => undefined, preview = false } = deps;
  say('writing the ISO, and comparing the base with its checksum');
  const { iso, finished, sha256 } = await startWriting({
    ...{ exec, cache, say, preview, medium, baseKey, dir },
    drafting: await planDraft(b, ours),
    layout: {
      ...{ entries, partitions: fat.partitions, joliet: vendor.joliet },
      isVendors: (path) => medium.tree.entries.has(path),
      volumeId: inputs.volumeId,
      digest: hashJson({ identity: b.identity, cluster: inputs.plan.cluster }),
      sourceDateEpoch: inputs.sourceDateEpoch,
    },
  });
  const known = vendorContents(medium, cache);
  const [, contents, digest] = await together([
    checkVendorMedium(inputs.base, medium.volume, cache),
    together([known, finished]).then(([digests]) => describeContents(iso, digests)),
    sha256,
    finished.then(() => {
      say('auditing the ISO');
      return audit(iso);
    }),
  ]).finally(() => requireUntouched(b));
  const { size: bytes } = await stat(iso);
  return publishIso(iso, inputs.out, manifest, { bytes, contents, sha256: digest });
}

/** @throws {InputError} when somebody wrote to the base meanwhile: it is read more than once. */
async function requireUntouched({ inputs, baseKey }: Build): Promise<void> {
  if ((await fileKey(inputs.base).catch(() => undefined)) === baseKey) return;
  const message = 'this file was changed while the ISO was made from it';
  const hint = 'build again when nothing writes to it any more';
  throw new InputError([fileProblem(inputs.base, 'changed-medium', message, hint)]);
}

/** Images that are files of the tree come back as entries, those behind it as partitions. */
async function editFatImages({ plan, source, inputs, deps, dir }: Build) {
  const { sourceDateEpoch } = inputs;
  const edited = await Promise.all(
    plan.fatImages.map(async (changed, i) => {
      const place = join(dir, `efi-${i}`);
      await mkdir(place);
      const image = await editFatImage(changed, source, place, { exec: deps.exec, sourceDateEpoch });
      return { image, place: changed.image.place };
    }),
  );
  return {
    entries: edited.flatMap(({ image, place }) =>
      place.kind === 'file' ? [{ path: place.path, source: image }] : [],
    ),
    partitions: edited.flatMap(({ image, place }) =>
      place.kind === 'partition' ? [{ number: place.number, typeGuid: place.typeGuid, image }] : [],
    ),
  };
}

/** Writes the files that are made for this medium and lists all that go onto it. */
async function stage(b: Build, fatEntries: readonly MediumEntry[]) {
  const { inputs, plan, dir } = b;
  const texts: ReadonlyMap<string, string | Uint8Array> = new Map<string, string | Uint8Array>([
    [MEDIUM.plan, json(portablePlan(inputs.plan))],
    ...inputs.plan.nodes.map((node) => [MEDIUM.node(node.name), json(node)] as const),
    ...inputs.kickstarts.map(({ node, text }) => [MEDIUM.kickstart(node), text] as const),
    [MEDIUM.bootDisk, bootDiskSector()],
    ...plan.configs.map(({ path, after }) => [path, Buffer.from(after, 'latin1')] as const),
    ...(await startImage(b)),
  ]);
  const place = (path: string): MediumEntry => ({ path, source: join(dir, 'medium', path) });
  for (const [path, content] of texts) await put(place(path).source, content);
  const entries = [
    ...[...texts.keys()].map(place),
    ...fatEntries,
    { path: MEDIUM.repository, source: inputs.repository },
    ...inputs.files,
  ];
  const manifest = manifestOf(b, await describeFiles(entries));
  const text = json(manifest);
  await put(place(MEDIUM.manifest).source, text);
  const ours = [...manifest.files.map(({ bytes }) => bytes), Buffer.byteLength(text)];
  await put(place(RESERVE).source, Buffer.alloc(reserveBytes(ours)));
  return { entries: [...entries, place(MEDIUM.manifest), place(RESERVE)], manifest };
}

/**
 * Fills our files up to whole megabytes: an image of the same size has the same descriptors and tables at its beginning,
 * which spares the next build the checksum of all that lies between.
 */
const RESERVE = 'slipway/reserve';
const RESERVE_BLOCKS = 512;

function reserveBytes(files: readonly number[]): number {
  const blocks = files.reduce((sum, bytes) => sum + Math.ceil(bytes / ISO_BLOCK), 0);
  return ((RESERVE_BLOCKS - (blocks % RESERVE_BLOCKS)) % RESERVE_BLOCKS) * ISO_BLOCK;
}

async function put(path: string, content: string | Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  await writeFile(path, content);
}

const START_IMAGE = 'images/cdboot.img';
const START_PARAMETERS = 'images/cdboot.prm';

/** What s390x starts from has its parameters built in. */
async function startImage({ medium, plan }: Build): Promise<readonly (readonly [string, Uint8Array])[]> {
  const parameters = plan.configs.find(({ path }) => path === START_PARAMETERS);
  const image = await readMediumFile(medium, START_IMAGE);
  if (parameters === undefined || image === undefined) return [];
  const changed = withCommandLine(image, parameters.before, parameters.after);
  if (changed !== undefined) return [[START_IMAGE, changed]];
  throw new FailedError(
    `${START_IMAGE} on the medium does not hold the parameters of ${START_PARAMETERS} where they are expected`,
  );
}

const manifestOf = (
  { inputs, deps, vendor, source, identity, buildId, plan }: Build,
  files: readonly FileRecord[],
): RemasterManifest => ({
  version: MANIFEST_VERSION,
  cluster: inputs.plan.cluster,
  buildId,
  volumeId: plan.change.label.to,
  slipway: deps.version,
  sourceDateEpoch: inputs.sourceDateEpoch,
  base: {
    family: vendor.identity.family,
    version: vendor.identity.version,
    arch: vendor.identity.arch,
    volumeId: vendor.volumeId,
    bytes: source.bytes,
    identity,
  },
  files,
});

/** A little for folders, padding and tables. */
const MARGIN_BYTES = 8 << 20;
const isoBytes = ({ source }: Build, ours: number): number => source.bytes + ours + MARGIN_BYTES;

/** Told before the writing starts, not after the disk is full. */
async function requireRoom(b: Build, ours: number): Promise<void> {
  const needed = isoBytes(b, ours);
  const mb = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  for (const folder of new Set([workParent(b.inputs), dirname(b.inputs.out)])) {
    const room = await roomIn(folder);
    if (room >= needed) continue;
    throw new MissingError(`${folder} has ${mb(room)} left, and the ISO needs ${mb(needed)}`, ROOM_HINT);
  }
}

/** A draft has what is ours once more: not where that is more than the base, or where there is no room for it. */
async function planDraft(b: Build, ours: number): Promise<Drafting> {
  const skeleton = draftSkeleton(b.medium);
  const needed = isoBytes(b, ours) + spanBytes(skeleton) + ours;
  const isWanted = ours <= b.source.bytes && (await roomIn(workParent(b.inputs))) >= needed;
  return { skeleton, isWanted };
}

async function roomIn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
