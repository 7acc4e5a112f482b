import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

/** What each room may import of ours, besides itself; the linter's overrides say the same in its own words. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/errors': [],
  'src/engine': ['src/errors'],
  'src/storage': ['src/engine', 'src/errors', 'src/plan/types.ts'],
  'src/host': ['src/engine', 'src/errors'],
  'src/spec': ['src/errors'],
  'src/plan': ['src/spec', 'src/errors'],
  'src/kickstart': ['src/plan', 'src/errors'],
  'src/installer': ['src/kickstart', 'src/engine', 'src/storage', 'src/errors', 'src/plan/types.ts'],
  'src/artefact': ['src/plan', 'src/host', 'src/engine', 'src/errors'],
  'src/media': ['src/artefact', 'src/host', 'src/plan', 'src/storage', 'src/engine', 'src/errors'],
  'src/lab': ['src/media', 'src/host', 'src/engine', 'src/errors', 'src/plan/types.ts'],
  'src/secrets': ['src/host', 'src/engine', 'src/errors', 'src/plan/types.ts'],
  'src/task': ['src/host', 'src/engine', 'src/errors'],
  postinstall: ['src/engine', 'src/storage', 'src/errors', 'src/plan/types.ts'],
};
const ROOMS = Object.keys(MAY_IMPORT);
const TARGETS = [...ROOMS, 'src/commands', 'src/plan/types.ts'];
const root = packageRoot();

/** Runs the project's linter rules over files in a folder of their own; answers `file → imports it complained about`. */
async function restrictedImports(
  files: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, readonly number[]>> {
  return inTempDir(async (dir) => {
    await copyFile(join(root, 'biome.json'), join(dir, 'biome.json'));
    await writeFiles(dir, files);
    const { stdout } = await createExec()({
      file: join(root, 'node_modules/.bin/biome'),
      args: [
        'lint',
        '--vcs-enabled=false',
        '--only=style/noRestrictedImports',
        '--max-diagnostics=none',
        '--reporter=json',
      ],
      effect: 'read',
      cwd: dir,
      accept: [0, 1],
    });
    const complaints = new Map<string, number[]>();
    for (const { category, location } of JSON.parse(stdout).diagnostics) {
      if (category !== 'lint/style/noRestrictedImports') continue;
      const lines = complaints.get(location.path) ?? [];
      complaints.set(
        location.path,
        [...lines, location.start.line].sort((a, b) => a - b),
      );
    }
    return complaints;
  });
}

/** One import a line, so that a complaint's line says which. */
function probe(room: string, depth: number): string {
  const up = '../'.repeat(depth);
  return TARGETS.map((target) => {
    const path = target.endsWith('.ts') ? target : `${target}/x.ts`;
    // From src/<room> the other rooms are beside it, from postinstall they are in src.
    return `import '${up}${room === 'postinstall' ? path : path.replace(/^src\//, '')}';`;
  }).join('\n');
}

function expectedLines(room: string): readonly number[] {
  const allowed = [room, ...(MAY_IMPORT[room] ?? [])];
  const isAllowed = (target: string): boolean =>
    allowed.some((each) => target === each || target.startsWith(`${each}/`));
  return TARGETS.flatMap((target, i) => (isAllowed(target) ? [] : [i + 1]));
}

describe('the rooms', () => {
  it('has a rule for every folder in src', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((e) => e.isDirectory());
    const known = [...ROOMS.filter((room) => room !== 'postinstall'), 'src/commands'];
    assert.deepEqual(folders.map(({ name }) => `src/${name}`).sort(), known.sort());
  });

  it('reports every import that points the wrong way, and no other', async () => {
    const found = await restrictedImports(
      Object.fromEntries(
        ROOMS.flatMap((room) => [
          [`${room}/probe.ts`, probe(room, 1)],
          [`${room}/deeper/probe.ts`, probe(room, 2)],
        ]),
      ),
    );
    for (const room of ROOMS) {
      assert.deepEqual(found.get(`${room}/probe.ts`) ?? [], expectedLines(room), room);
      assert.deepEqual(found.get(`${room}/deeper/probe.ts`) ?? [], expectedLines(room), `${room}/deeper`);
    }
  });

  it('starts programs only in host and draws progress only in task', async () => {
    const files = [...ROOMS, 'src/commands'].map((room) => `${room}/probe.ts`);
    const text = "import 'execa';\nimport 'listr2';\n";
    const found = await restrictedImports(Object.fromEntries(files.map((file) => [file, text])));
    for (const file of files) {
      const expected = file.startsWith('src/host') ? [2] : file.startsWith('src/task') ? [1] : [1, 2];
      assert.deepEqual(found.get(file), expected, file);
    }
  });

  it('ends the process nowhere but in the file a program starts with', async () => {
    const files = ['src', 'postinstall'].flatMap((dir) =>
      readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => `${dir}/${name}`),
    );
    const ending = files.filter((file) => /\bprocess\.exit\(/.test(readFileSync(join(root, file), 'utf8')));
    assert.deepEqual(ending.toSorted(), ['src/cli.ts', 'src/installer/main.ts']);
  });
});
