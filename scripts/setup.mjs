/**
 * Brings a fresh clone to where it can work: npm packages, system tools, the build. Plain Node, no dependencies, because
 * it runs before there are any. When all is there it says nothing.
 *
 *     node scripts/setup.mjs --for iso|test
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** The exit code for "this machine is missing something". */
const MISSING = 2;

/**
 * Whether `npm ci` has to run. A package that was installed from a registry carries no lock file: npm brought its
 * dependencies already, and its lib/ is built.
 */
export function needsInstall(root) {
  const lock = modified(join(root, 'package-lock.json'));
  if (lock === undefined) return false;
  const installed = modified(join(root, 'node_modules', '.package-lock.json'));
  return installed === undefined || lock > installed;
}

/** Tools of the table that `purpose` needs and `find` does not, by name. */
export function missingTools(table, purpose, { root, find }) {
  return Object.entries(table)
    .filter(([, entry]) => entry.for.includes(purpose) && !(root && entry.unlessRoot))
    .filter(([tool]) => !find(tool))
    .map(([tool, entry]) => ({ tool, package: entry.package, why: entry.why }));
}

/** One line a person can paste. */
export function installCommand(packages, root) {
  return `${root ? '' : 'sudo '}apt-get install --no-install-recommends -y ${packages.join(' ')}`;
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : undefined;
}

/** A name is looked up on PATH and where Debian keeps the administrator's programs; a path has to exist. */
function findTool(tool) {
  if (tool.includes('/')) return existsSync(tool);
  const dirs = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return dirs.some((dir) => dir !== '' && isProgram(join(dir, tool)));
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function run(file, args, env = {}) {
  console.error(`setup: ${file} ${args.join(' ')}`);
  const { status, error } = spawnSync(file, args, {
    cwd: ROOT,
    // What is installed here must not end up in the output of the command that follows.
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...env },
  });
  if (error !== undefined) console.error(`setup: ${file}: ${error.message}`);
  return status === 0;
}

function installPackages(packages) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '--no-install-recommends', '-y', '-qq', ...packages];
  const command = (args) =>
    process.getuid() === 0
      ? run('apt-get', args, env)
      : run('sudo', ['-n', 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args]);
  // Package lists may be absent (fresh container) or too old; one update settles both.
  return command(install) || (command(['update', '-qq']) && command(install));
}

function provideTools(purpose) {
  const table = JSON.parse(readFileSync(join(ROOT, 'scripts', 'system-tools.json'), 'utf8'));
  const root = process.getuid() === 0;
  const lacking = () => missingTools(table, purpose, { root, find: findTool });
  const missing = lacking();
  if (missing.length === 0) return true;
  for (const { tool, why } of missing) console.error(`setup: ${tool} is not installed: it ${why}`);
  const packages = [...new Set(missing.map((each) => each.package))].sort();
  if ((root || process.env.CI === 'true') && existsSync('/usr/bin/apt-get')) {
    console.error(`setup: installing the Debian packages ${packages.join(', ')}`);
    if (installPackages(packages) && lacking().length === 0) return true;
    console.error('setup: they could not be installed; this does it by hand:');
  } else {
    console.error('setup: this installs them:');
  }
  console.error(`\n    ${installCommand(packages, root)}\n`);
  return false;
}

async function main() {
  const at = process.argv.indexOf('--for');
  const purpose = at < 0 ? 'iso' : process.argv[at + 1];
  if (purpose !== 'iso' && purpose !== 'test') {
    console.error(`setup: --for takes iso or test, not ${purpose ?? 'nothing'}`);
    return 1;
  }
  if (needsInstall(ROOT) && !run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'])) {
    console.error('setup: npm ci failed; is there a way to the package registry?');
    return MISSING;
  }
  if (!provideTools(purpose)) return MISSING;
  const builder = join(ROOT, 'scripts', 'build.mjs');
  if (existsSync(builder)) {
    const { build } = await import(builder);
    await build({ say: console.error });
  }
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
