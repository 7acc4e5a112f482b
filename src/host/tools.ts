/** The programs of other people that slipway calls, and what to do when they are not there. */
import { existsSync } from 'node:fs';
import semver from 'semver';
import table from '../../scripts/system-tools.json' with { type: 'json' };
import { CommandError, type Exec } from '../engine/command.ts';
import { MissingError } from '../errors/exit.ts';
import { findProgram } from './search-path.ts';

export interface ToolNeed {
  /** Name on PATH, or the absolute path of a file (firmware, for example). */
  readonly tool: string;
  /** What it does for us, to follow "it" in a sentence: "builds the RPMs". */
  readonly why: string;
  readonly debianPackage: string;
  /** For example `1.5.2`; compared number by number. */
  readonly minVersion?: string;
  /** How it says its version; default `--version`. */
  readonly versionArgs?: readonly string[];
  /** Not needed by root. */
  readonly unlessRoot?: boolean;
}

/** Names in scripts/system-tools.json, the one table that the set-up script reads too. */
export type ToolName = keyof typeof table;

interface TableEntry {
  readonly package: string;
  readonly why: string;
  readonly for: readonly string[];
  readonly minVersion?: string;
  readonly versionArgs?: readonly string[];
  readonly unlessRoot?: boolean;
}

/** What a task declares: `toolNeeds('rpmbuild', 'zstd')`. */
export function toolNeeds(...names: readonly ToolName[]): readonly ToolNeed[] {
  return names.map((tool) => {
    const { package: debianPackage, for: _purpose, ...entry }: TableEntry = table[tool];
    return { tool, debianPackage, ...entry };
  });
}

export interface PreflightOptions {
  /** Effective user id; default this process's. */
  readonly uid?: number;
  /** Looks a tool up; default on PATH and the sbin folders. */
  readonly find?: (tool: string) => string | undefined;
  readonly isDebian?: boolean;
}

/**
 * Makes sure that all tools are there and new enough, before any work is done.
 * @throws {MissingError} naming every tool that is not, with one command that installs them all.
 */
export async function preflight(
  needs: readonly ToolNeed[],
  exec: Exec,
  options: PreflightOptions = {},
): Promise<void> {
  const uid = options.uid ?? process.geteuid?.() ?? 0;
  const wanted = [...new Map(needs.map((need) => [need.tool, need])).values()].filter(
    (need) => !(need.unlessRoot === true && uid === 0),
  );
  const complaints = await Promise.all(
    wanted.map((need) => complaint(need, exec, options.find ?? findProgram)),
  );
  const lacking = wanted.flatMap((need, i) => {
    const text = complaints[i];
    return text === undefined ? [] : [{ need, text }];
  });
  if (lacking.length === 0) return;
  const packages = [...new Set(lacking.map(({ need }) => need.debianPackage))].sort();
  throw new MissingError(
    lacking.map(({ text }) => text).join('\n'),
    installHint(packages, uid === 0, options.isDebian ?? existsSync('/etc/debian_version')),
  );
}

async function complaint(
  need: ToolNeed,
  exec: Exec,
  find: (tool: string) => string | undefined,
): Promise<string | undefined> {
  const path = find(need.tool);
  if (path === undefined) return `${need.tool} is not installed: it ${need.why}`;
  if (need.minVersion === undefined) return undefined;
  const version = await versionOf(path, need, exec);
  if (version !== undefined && semver.gte(version, padded(need.minVersion))) return undefined;
  return `${need.tool} is version ${version ?? 'unknown'}, ${need.minVersion} is needed: it ${need.why}`;
}

async function versionOf(path: string, need: ToolNeed, exec: Exec): Promise<string | undefined> {
  try {
    // Some tools answer the question and exit with 1 all the same (mksquashfs).
    const { stdout, stderr } = await exec({
      file: path,
      args: need.versionArgs ?? ['--version'],
      effect: 'read',
      accept: [0, 1],
    });
    const found = /\d+\.\d+(\.\d+)?/.exec(`${stdout}\n${stderr}`)?.[0];
    return found === undefined ? undefined : padded(found);
  } catch (error) {
    if (error instanceof CommandError && error.reason !== 'aborted') return undefined;
    throw error;
  }
}

/** `4.5` → `4.5.0`, and `4.05` → `4.5.0`, which semver would not take. */
const padded = (version: string): string => [...version.split('.').map(Number), 0, 0].slice(0, 3).join('.');

function installHint(packages: readonly string[], root: boolean, debian: boolean): string {
  if (!debian) return `install what Debian calls ${packages.join(', ')} with this system's package manager`;
  return `${root ? '' : 'sudo '}apt-get install --no-install-recommends -y ${packages.join(' ')}`;
}
