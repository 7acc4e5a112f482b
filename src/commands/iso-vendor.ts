/** The part of `slipway iso` that builds on a vendor's medium instead of the embedded base. */
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InputError } from '../errors/problem.ts';
import { packageVersion } from '../host/package-root.ts';
import { toolNeeds } from '../host/tools.ts';
import { obtainVendorMedium } from '../media/download/medium.ts';
import { readMedium } from '../media/image/medium.ts';
import { withImage } from '../media/image/source.ts';
import { type RemasterInputs, remasterIso } from '../media/remaster/remaster.ts';
import type { IsoResult } from '../media/types.ts';
import type { VendorIdentity } from '../media/vendor/identity.ts';
import { inspectVendorMedium } from '../media/vendor/medium.ts';
import { vendorRepodata } from '../media/vendor/repodata.ts';
import type { Finding } from '../spec/finding.ts';
import { checkSpecText, type LoadedSpec } from '../spec/load.ts';
import type { DownloadedBase, LocalBase } from '../spec/media-files.ts';
import { problemOf } from '../spec/yaml-file.ts';
import type { Task } from '../task/task.ts';
import { requireSound } from './audit-iso.ts';

export type VendorBase = LocalBase | DownloadedBase;

/** The base of a build: what the command line names, else the spec; undefined for the embedded one. */
export const vendorBaseOf = ({ media }: LoadedSpec, given: string | undefined): VendorBase | undefined =>
  given === undefined ? media.base : { kind: 'file', path: resolve(given) };

/** @throws {InputError} when the release that the kickstarts are for has no base that installs it. */
export function requireFittingRelease(loaded: LoadedSpec, base: VendorBase | undefined): void {
  const { release, media } = loaded.spec;
  if (base !== undefined && media.default === 'by-mac') {
    throw located(loaded, {
      path: ['media', 'default'],
      rule: 'by-mac-on-vendor',
      message: "a vendor's installer cannot choose a node by its MAC address",
      hint: 'write disk, or the name of a node',
    });
  }
  if (release !== 'embedded' && base === undefined) {
    throw wrongRelease(
      loaded,
      `the embedded base is no ${release}`,
      "name a vendor's ISO with --base or media.base",
    );
  }
  if (release === 'embedded' && base !== undefined) {
    throw wrongRelease(
      loaded,
      "a vendor's installer takes no kickstart for the embedded base",
      'set release to that of the ISO, for example rhel9',
    );
  }
}

const wrongRelease = (loaded: LoadedSpec, message: string, hint: string): InputError =>
  located(loaded, { path: ['release'], rule: 'release-not-on-base', message, hint });

function located({ source, file }: LoadedSpec, finding: Finding): InputError {
  const { yaml } = checkSpecText(source, file);
  return new InputError([problemOf(yaml, finding)], new Map([[file, source]]));
}

interface VendorRequest {
  readonly base: VendorBase;
  readonly loaded: LoadedSpec;
}

/** A vendor's ISO at hand. */
export interface ProvidedMedium {
  /** Absolute. */
  readonly path: string;
  /** Folders with the `repodata` of its repositories, when packages of the user's are to be compared with them. */
  readonly repositories: readonly string[];
}

/** Provides the vendor's ISO and says early whether it is one for this spec. */
export const vendorTask: Task<VendorRequest, ProvidedMedium> = {
  name: 'vendor',
  title: "Provide the vendor's medium",
  tools: [],
  async run({ base, loaded }, context, say) {
    const path = base.kind === 'file' ? base.path : (await obtainVendorMedium(base, context, say)).path;
    // What was not downloaded ends the preview.
    if (context.preview === true && base.kind === 'url') await access(path);
    const repodata = loaded.media.rpms.length > 0 ? context.cache : undefined;
    const { identity, hasPackages, repositories } = await withImage(path, async (image) => {
      const medium = await readMedium(image);
      const found = await inspectVendorMedium(medium);
      return { ...found, repositories: repodata === undefined ? [] : await vendorRepodata(medium, repodata) };
    });
    const { family, version, arch, release } = identity;
    say(`${path} is ${family} ${version} for ${arch}`);
    if (release !== loaded.spec.release) {
      throw wrongRelease(
        loaded,
        `the medium is ${family} ${version}, ${release === undefined ? whyNoRelease(identity) : `which is ${release}`}`,
        release === undefined ? 'take a medium of RHEL 8 to 10 or Fedora 44' : `set release: ${release}`,
      );
    }
    if (arch !== 'x86_64') say(`warning: slipway's packages are for x86_64, and the medium installs ${arch}`);
    if (!hasPackages) say('warning: the medium holds no packages, and the kickstarts install from it');
    return { path, repositories };
  },
};

const whyNoRelease = ({ family, version }: VendorIdentity): string =>
  /^7\b/.test(version) && !/fedora/i.test(family)
    ? 'whose glibc 2.17 cannot run the agent: its Node needs 2.28'
    : 'which slipway renders no kickstarts for';

/** Makes the ISO; nothing that the audit fails is published. */
export const remasterTask: Task<RemasterInputs, IsoResult> = {
  name: 'media',
  title: "Remaster the vendor's medium",
  tools: toolNeeds('xorriso', 'mcopy'),
  run: (inputs, { exec, cache, preview }, say) =>
    remasterIso(inputs, {
      ...{ exec, cache, say, version: packageVersion() },
      ...(preview === undefined ? {} : { preview }),
      audit: (iso) => requireSound(iso, { base: inputs.base }),
    }),
  summary: ({ reused, iso, bytes }) => (reused ? 'unchanged' : `${iso}, ${Math.round(bytes / 1e6)} MB`),
};
