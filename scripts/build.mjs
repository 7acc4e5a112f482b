/**
 * Builds lib/: the command line (`cli.js`, split so that `--help` loads next to nothing) and the two bundles that
 * travel to the target and must need nothing beside Node: `agent.mjs` and `installer.mjs`.
 *
 * Plain Node, so that setup can run it on a fresh clone. Content decides: when the sources and the results are what
 * they were, nothing is done, whatever the file times say.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const LIB = join(ROOT, 'lib');
const STAMP = join(LIB, 'build.json');

/** CommonJS packages inside an ES module bundle look for `require`. */
const REQUIRE =
  "import { createRequire as __slipwayRequire } from 'node:module';\nconst require = __slipwayRequire(import.meta.url);";

/** What runs on the target under the packaged Node: one file each, all dependencies inside. */
const BUNDLES = [
  { entry: 'postinstall/agent.ts', out: 'agent.mjs' },
  { entry: 'src/installer/main.ts', out: 'installer.mjs' },
];

/** What the page of a report is made from is read when one is drawn. */
const PAGE = { from: join(ROOT, 'src', 'lab', 'report', 'page'), to: join(LIB, 'report-page') };

/** Everything that can change what esbuild writes. */
const INPUTS = ['src', 'postinstall', 'package.json', 'package-lock.json', 'tsconfig.json', 'scripts'];

/**
 * @param {{ say?: (line: string) => void }} [options]
 * @returns {Promise<{ built: boolean, missing: readonly string[] }>} entries whose source does not exist are `missing`
 */
export async function build({ say = () => {} } = {}) {
  const inputs = hashInputs();
  const stamp = readStamp();
  if (stamp !== undefined && stamp.inputs === inputs && isIntact(stamp.outputs)) {
    return { built: false, missing: stamp.missing };
  }
  const { build: esbuild } = await import('esbuild');
  const common = {
    absWorkingDir: ROOT,
    bundle: true,
    format: 'esm',
    platform: 'node',
    legalComments: 'eof',
    logLevel: 'warning',
    write: false,
    outdir: LIB,
  };
  const missing = BUNDLES.map(({ entry }) => entry).filter((entry) => !existsSync(join(ROOT, entry)));
  const results = await Promise.all([
    esbuild({
      ...common,
      entryPoints: { cli: 'src/cli.ts' },
      target: 'node20.19',
      packages: 'external',
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
    }),
    ...BUNDLES.filter(({ entry }) => !missing.includes(entry)).map(({ entry, out }) =>
      esbuild({
        ...common,
        entryPoints: { [out.replace(/\.mjs$/, '')]: entry },
        outExtension: { '.js': '.mjs' },
        target: 'node24',
        banner: { js: REQUIRE },
      }),
    ),
  ]);
  const page = listFiles(PAGE.from).map((file) => ({
    path: join(PAGE.to, relative(PAGE.from, file)),
    contents: readFileSync(file),
  }));
  const outputs = publish([...page, ...results.flatMap((result) => result.outputFiles)]);
  writeAtomic(STAMP, `${JSON.stringify({ inputs, missing, outputs }, null, 2)}\n`);
  for (const entry of missing) say(`build: ${entry} does not exist, its bundle was left out`);
  say(`build: wrote lib/ (${Object.keys(outputs).length} files)`);
  return { built: true, missing };
}

/**
 * Chunks carry their hash in their name, so new ones stand beside the old until cli.js, replaced last, names them:
 * at no moment does cli.js name a file that is not there.
 */
function publish(files) {
  const outputs = {};
  const entriesLast = [...files].sort((a, b) => Number(isEntry(a.path)) - Number(isEntry(b.path)));
  for (const { path, contents } of entriesLast) {
    writeAtomic(path, contents);
    outputs[relative(LIB, path)] = sha256(contents);
  }
  for (const file of listFiles(LIB)) {
    const name = relative(LIB, file);
    if (outputs[name] === undefined && file !== STAMP) rmSync(file);
  }
  return Object.fromEntries(Object.entries(outputs).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const isEntry = (path) => dirname(path) === LIB;

function hashInputs() {
  const hash = createHash('sha256');
  const files = INPUTS.flatMap((input) => {
    const path = join(ROOT, input);
    if (!existsSync(path)) return [];
    return input.includes('.') ? [path] : listFiles(path);
  });
  for (const file of files) hash.update(`${relative(ROOT, file)}\0${sha256(readFileSync(file))}\n`);
  return hash.digest('hex');
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8'));
  } catch {
    return undefined; // never built, or not to the end
  }
}

const isIntact = (outputs) =>
  Object.entries(outputs).every(([name, hash]) => {
    const path = join(LIB, name);
    return existsSync(path) && sha256(readFileSync(path)) === hash;
  });

/** All files below a folder, in an order that is the same on every machine. */
function listFiles(dir) {
  return readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      return entry.isDirectory() ? listFiles(path) : [path];
    });
}

function writeAtomic(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

const sha256 = (content) => createHash('sha256').update(content).digest('hex');

if (process.argv[1] === fileURLToPath(import.meta.url)) await build({ say: console.log });
