/** Step "media": everything that was made so far becomes one bootable ISO with its manifest and checksum beside it. */
import { access, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Exec } from '../engine/command.ts';
import { makeFolder } from '../engine/make-folder.ts';
import { FailedError } from '../errors/exit.ts';
import { hashText } from '../host/hash.ts';
import { bootDiskSector } from './boot-disk-sector.ts';
import { planBootMenu } from './boot-menu.ts';
import { buildIdOf, hashInputs, type InputHashes, portablePlan } from './build-id.ts';
import { espBytes, espCommands, espFiles } from './esp.ts';
import { ESP_MARKER, renderBootMenu, renderEspConfig } from './grub-config.ts';
import { openFatAt, readMedium } from './image/medium.ts';
import { withImage } from './image/source.ts';
import { ISO_BLOCK } from './image/volume.ts';
import { implantChecksum } from './implant-checksum.ts';
import { describeFiles, mediumManifest } from './manifest.ts';
import { describeImage, findUnchanged, json, publishIso } from './publish.ts';
import { runXorriso } from './run-xorriso.ts';
import { together } from './together.ts';
import { type IsoInputs, type IsoResult, MEDIUM } from './types.ts';
import { withWorkFolder } from './work-folder.ts';
import { type MediumEntry, uuidOf, xorrisoCommand } from './xorriso.ts';

export interface IsoDeps {
  readonly exec: Exec;
  /** Version of slipway, for the manifest. */
  readonly version: string;
  /** Looks at the finished ISO before it gets its name; rejects when it must not. */
  readonly audit: (iso: string) => Promise<void>;
  /** Hears one line per stage. */
  readonly say?: (line: string) => void;
}

/**
 * Makes the ISO, or keeps the one that is there if it was made from the same inputs and is still whole.
 *
 * Works in a folder beside `inputs.out`, or in `inputs.work`, which is removed however this ends; the ISO gets its name
 * only when it is complete and has been read back, so an interrupted build leaves the last good one in place.
 * @throws {FailedError} when the ISO read back lacks a way to boot or a file, and whatever the audit rejects with.
 */
export async function assembleIso(inputs: IsoInputs, deps: IsoDeps): Promise<IsoResult> {
  const say = deps.say ?? (() => undefined);
  const hashes = await hashInputs(inputs);
  const buildId = buildIdOf(hashes, inputs.sourceDateEpoch, deps.version);
  const unchanged = await findUnchanged(inputs.out, buildId);
  if (unchanged !== undefined) {
    say(`${basename(inputs.out)} is unchanged (build ${buildId})`);
    return unchanged;
  }
  return withWorkFolder(inputs, (dir) => build({ inputs, hashes, buildId, dir, say, ...deps }));
}

interface Build extends Required<IsoDeps> {
  readonly inputs: IsoInputs;
  readonly hashes: InputHashes;
  readonly buildId: string;
  readonly dir: string;
}

async function build(b: Build): Promise<IsoResult> {
  const { inputs, dir, exec, say } = b;
  const { volumeId } = inputs.plan.media;
  const iso = join(dir, 'medium.iso');
  const esp = await makeEsp(b);
  const { entries, manifest } = await stage(b);
  say('writing the ISO');
  await runXorriso(
    exec,
    xorrisoCommand({
      out: iso,
      volumeId,
      entries,
      hybridMbr: inputs.base.boot.hybridMbr,
      esp: esp.image,
      diskGuid: uuidOf(hashText(b.buildId)),
      sourceDateEpoch: inputs.sourceDateEpoch,
    }),
  );
  // A preview has written nothing, and ends here.
  await access(iso);
  say('implanting the checksum of the medium');
  await implantChecksum(iso);
  say('reading the ISO back');
  const [description] = await together([describeImage(iso), requireEspFiles(iso, esp.paths), b.audit(iso)]);
  return publishIso(iso, inputs.out, manifest, description);
}

/** The EFI image that El Torito names holds all that was copied into it. @throws {FailedError} naming what is not. */
async function requireEspFiles(iso: string, paths: readonly string[]): Promise<void> {
  const found = await withImage(iso, async (image) => {
    const { catalog } = await readMedium(image);
    const entry = catalog?.entries.find(({ platform }) => platform === 'uefi');
    const volume = entry && (await openFatAt(image, entry.block * ISO_BLOCK));
    // FAT does not know case.
    return new Set((await volume?.files())?.map(({ path }) => path.toLowerCase()));
  });
  const missing = paths.filter((path) => !found.has(path.toLowerCase()));
  if (missing.length > 0) throw new FailedError(`the ISO's EFI image lacks ${missing.join(', ')}`);
}

async function makeEsp({ inputs, buildId, dir, exec }: Build) {
  const image = join(dir, 'esp.img');
  const config = join(dir, 'esp-grub.cfg');
  const marker = join(dir, 'esp-marker');
  await writeFile(config, renderEspConfig(buildId));
  await writeFile(marker, `${buildId}\n`);
  const files = espFiles(inputs.base.boot, config, { path: ESP_MARKER, source: marker });
  const sizes = await Promise.all(files.map(async ({ source }) => (await stat(source)).size));
  await writeFile(image, '');
  await truncate(image, espBytes(sizes.reduce((sum, size) => sum + size, 0)));
  for (const command of espCommands(image, files, inputs.sourceDateEpoch)) await exec(command);
  return { image, paths: files.map(({ path }) => path) };
}

/** Writes the files that are made for this medium and lists all that go onto it. */
async function stage(b: Build) {
  const { inputs, buildId, dir } = b;
  const { plan, base } = inputs;
  const texts: Readonly<Record<string, string | Uint8Array>> = {
    [MEDIUM.plan]: json(portablePlan(plan)),
    ...Object.fromEntries(plan.nodes.map((node) => [MEDIUM.node(node.name), json(node)])),
    ...Object.fromEntries(inputs.kickstarts.map(({ node, text }) => [MEDIUM.kickstart(node), text])),
    [MEDIUM.id(buildId)]: `${buildId}\n`,
    [MEDIUM.grubConfig]: renderBootMenu(planBootMenu(plan, buildId)),
    [MEDIUM.bootDisk]: bootDiskSector(),
  };
  const place = (path: string): MediumEntry => ({ path, source: join(dir, 'medium', path) });
  const described: readonly MediumEntry[] = [
    ...Object.keys(texts).map(place),
    { path: MEDIUM.repository, source: inputs.repository },
    { path: MEDIUM.squashfs, source: base.squashfs },
    { path: MEDIUM.installer, source: inputs.installer },
    { path: MEDIUM.kernel, source: base.kernel },
    { path: MEDIUM.initrd, source: base.installerInitrd },
    { path: MEDIUM.biosModules, source: base.boot.biosModules },
    ...(inputs.files ?? []),
  ];
  for (const [path, content] of Object.entries(texts)) await put(place(path).source, content);
  const files = await describeFiles(described);
  const manifest = mediumManifest({ inputs, hashes: b.hashes, buildId, slipway: b.version, files });
  await put(place(MEDIUM.manifest).source, json(manifest));
  const eltorito = { path: MEDIUM.eltorito, source: base.boot.eltorito };
  return { entries: [...described, place(MEDIUM.manifest), eltorito], manifest };
}

async function put(path: string, content: string | Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  await writeFile(path, content);
}
