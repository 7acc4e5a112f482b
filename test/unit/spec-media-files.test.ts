import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../src/errors/problem.ts';
import { expandGlob } from '../../src/spec/glob.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { smallSpec } from '../helpers/small-spec.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const SPEC = smallSpec(`release: rhel9
repositories:
  - { name: site, url: "https://mirror.example.org/site", gpgKey: keys/site.asc }
media:
  base:
    url: https://mirror.example.org/el9.iso
    sha256: 4F53CDA18C2BAA0C0354BB5F9A3ECBE5ED12AB4D8E11BA873C2F11161202B945
    gpgKey: keys/vendor.asc
  rpms: [one, "build/site-*.rpm", one/a-1.noarch.rpm]
  files: [{ from: firmware, to: site/firmware }]
`);

describe('the files a spec names', () => {
  it('are found beside the spec: folders and wildcards spread out, each RPM once, no sources', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, {
        'cluster.yaml': SPEC,
        'keys/site.asc': '',
        'keys/vendor.asc': '',
        'one/a-1.noarch.rpm': '',
        'one/a-1.src.rpm': '',
        'one/README': '',
        'one/below/b-1.noarch.rpm': '',
        'build/site-1.x86_64.rpm': '',
        'build/site-2.x86_64.rpm': '',
        'build/other-1.x86_64.rpm': '',
      });
      await mkdir(join(dir, 'firmware'));
      const { media } = await loadSpec(join(dir, 'cluster.yaml'));
      assert.deepEqual(media, {
        base: {
          kind: 'url',
          url: 'https://mirror.example.org/el9.iso',
          sha256: '4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945',
          signed: {
            key: join(dir, 'keys/vendor.asc'),
            signature: 'https://mirror.example.org/el9.iso.asc',
          },
        },
        rpms: ['build/site-1.x86_64.rpm', 'build/site-2.x86_64.rpm', 'one/a-1.noarch.rpm'].map((path) =>
          join(dir, path),
        ),
        files: [{ from: join(dir, 'firmware'), to: 'site/firmware' }],
        keys: { site: join(dir, 'keys/site.asc') },
      });
    });
  });
});

describe('the key medium of a cluster', () => {
  for (const name of ['demo.key.iso', 'demo.key.next.iso', 'demo.key.iso.0815.tmp', 'DEMO.KEY.ISO']) {
    it(`is refused among them as ${name}`, async () => {
      await inTempDir(async (dir) => {
        await writeFiles(dir, {
          'cluster.yaml': smallSpec('media:\n  files: [{ from: firmware, to: site/firmware }]\n'),
          'firmware/keyboard.iso': '',
          [`firmware/below/${name}`]: '',
        });
        await assert.rejects(
          loadSpec(join(dir, 'cluster.yaml')),
          (error) =>
            error instanceof InputError &&
            error.problems.length === 1 &&
            error.problems[0]?.message.startsWith(`'${name}' holds the join secret`) === true,
        );
      });
    });
  }
});

describe('a name with wildcards', () => {
  const files = {
    'a/x1.rpm': '',
    'a/x2.rpm': '',
    'b/x1.rpm': '',
    'b/.x1.rpm': '',
    'b/x1xrpm': '',
    'b/c/x1.rpm': '',
  };

  it('matches in every part of the path, hidden files and further slashes left out', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, files);
      const found = async (glob: string) =>
        (await expandGlob(dir, glob)).map((path) => path.slice(dir.length + 1));
      assert.deepEqual(await found('*/x?.rpm'), ['a/x1.rpm', 'a/x2.rpm', 'b/x1.rpm']);
      assert.deepEqual(await found('./b/*.rpm'), ['b/x1.rpm']);
      assert.deepEqual(await found(`${dir}/a/*2*`), ['a/x2.rpm']);
      assert.deepEqual(await found('nowhere/*'), []);
      assert.deepEqual(await found('nowhere/x'), ['nowhere/x']);
    });
  });
});
