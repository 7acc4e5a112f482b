/** What makes one medium different from another: the hash of everything that goes onto it. */
import { stat } from 'node:fs/promises';
import { hashFile, hashJson, hashText, hashTree, listTree } from '../host/hash.ts';
import type { Plan } from '../plan/types.ts';
import { planBootMenu } from './boot-menu.ts';
import { renderBootMenu, renderEspConfig } from './grub-config.ts';
import type { IsoInputs, MediumEntry } from './types.ts';

/** Raised when the layout of the medium changes in a way that its inputs do not show. */
const MEDIUM_FORMAT = 1;

/** SHA-256 (hex) of each input, as the manifest lists them. */
export interface InputHashes {
  readonly plan: string;
  readonly kickstarts: Readonly<Record<string, string>>;
  readonly repository: string;
  readonly base: string;
  readonly installer: string;
  readonly bootMenu: string;
  /** By path on the medium; absent when there are none. */
  readonly files?: Readonly<Record<string, string>>;
}

export async function hashInputs(inputs: IsoInputs): Promise<InputHashes> {
  const [repository, installer] = await Promise.all([
    hashTree(inputs.repository),
    hashFile(inputs.installer),
  ]);
  // The id is part of the menu, so a constant stands in for it.
  const menu = renderBootMenu(planBootMenu(inputs.plan, 'build-id')) + renderEspConfig('build-id');
  return {
    plan: hashJson(portablePlan(inputs.plan)),
    kickstarts: Object.fromEntries(inputs.kickstarts.map(({ node, text }) => [node, hashText(text)])),
    repository,
    base: inputs.base.id,
    installer,
    bootMenu: hashText(menu),
    ...(inputs.files === undefined || inputs.files.length === 0
      ? {}
      : { files: await hashEntries(inputs.files) }),
  };
}

/**
 * SHA-256 (hex) of each of the user's files and folders, by path on the medium: contents, names and whether a file can
 * be executed, which is all of its mode that a medium keeps.
 */
export async function hashEntries(
  entries: readonly MediumEntry[],
): Promise<Readonly<Record<string, string>>> {
  const executable = (mode: number): boolean => (mode & 0o111) !== 0;
  const hashes = await Promise.all(
    entries.map(async ({ path, source }) => {
      const stats = await stat(source);
      const kept = stats.isDirectory()
        ? (await listTree(source)).map(({ mode, ...entry }) => ({
            ...entry,
            executable: entry.kind === 'file' && executable(mode),
          }))
        : { content: await hashFile(source), executable: executable(stats.mode) };
      return [path, hashJson(kept)] as const;
    }),
  );
  return Object.fromEntries(hashes);
}

/** 64 bits of the hash, in hex: short enough for a kernel command line, unique enough among media. */
export const buildIdOf = (hashes: InputHashes, sourceDateEpoch: number, version: string): string =>
  hashJson({ format: MEDIUM_FORMAT, version, sourceDateEpoch, hashes }).slice(0, 16);

/** The plan as it goes onto the medium. The folder of the user's steps is a path of the building machine. */
export function portablePlan(plan: Plan): Omit<Plan, 'stepsDir'> {
  const { stepsDir: _, ...portable } = plan;
  return portable;
}
