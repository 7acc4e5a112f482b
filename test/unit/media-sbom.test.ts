import assert from 'node:assert/strict';
import { type SbomFacts, type SpdxDocument, spdxDocument } from '../../src/media/base/sbom.ts';
import { spdxProblems } from '../helpers/spdx.ts';

const FACTS: SbomFacts = {
  id: 'a'.repeat(64),
  suite: 'bookworm',
  packages: { 'libstdc++6': '12.2.0-14+deb12u1', bash: '5.2.15-2+b2', login: '1:4.13+dfsg1-1+deb12u1' },
  rpms: ['/cache/slipway-runtime-24.21.0-1.0123456789ab.x86_64.rpm'],
  squashfs: { file: 'base.squashfs', sha256: 'b'.repeat(64) },
  slipway: '0.1.0',
  sourceDateEpoch: 1_767_225_600,
};

describe('the list of what is in the base', () => {
  const document = spdxDocument(FACTS);

  it('is an SPDX 2.3 document', () => {
    assert.deepEqual(spdxProblems(JSON.parse(JSON.stringify(document))), []);
  });

  it('names every package with its version and where scanners find it', () => {
    assert.deepEqual(
      document.packages.map(({ name, versionInfo, externalRefs }) => [
        name,
        versionInfo,
        externalRefs?.[0]?.referenceLocator,
      ]),
      [
        ['slipway-base', FACTS.id, undefined],
        ['bash', '5.2.15-2+b2', 'pkg:deb/debian/bash@5.2.15-2%2Bb2?distro=bookworm'],
        [
          'libstdc++6',
          '12.2.0-14+deb12u1',
          'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?distro=bookworm',
        ],
        [
          'login',
          '1:4.13+dfsg1-1+deb12u1',
          'pkg:deb/debian/login@1:4.13%2Bdfsg1-1%2Bdeb12u1?distro=bookworm',
        ],
        ['slipway-runtime', '24.21.0-1.0123456789ab', 'pkg:rpm/slipway-runtime@24.21.0-1.0123456789ab'],
      ],
    );
    assert.equal(document.relationships.length, 5);
  });

  it('is the same for the same base, and has a name of its own for another', () => {
    assert.deepEqual(spdxDocument(FACTS), document);
    const other = spdxDocument({ ...FACTS, packages: { ...FACTS.packages, bash: '5.3' } });
    assert.notEqual(other.documentNamespace, document.documentNamespace);
    assert.equal(document.creationInfo.created, '2026-01-01T00:00:00Z');
  });

  it('would not pass with a mistake in it', () => {
    const [base, first, second] = document.packages;
    assert.ok(base !== undefined && first !== undefined && second !== undefined);
    const broken: readonly [string, Partial<SpdxDocument> | Record<string, unknown>][] = [
      ['packages[2].SPDXID', { packages: [base, first, { ...second, SPDXID: first.SPDXID }] }],
      ['packages[1].SPDXID', { packages: [base, { ...first, SPDXID: 'SPDXRef-a+b' }] }],
      ['relationships[1]', { packages: [base, second] }],
      ['documentNamespace', { documentNamespace: 'slipway#1' }],
      ['creationInfo.created', { creationInfo: { created: '2026-01-01', creators: ['Tool: x'] } }],
      ['spdxVersion', { spdxVersion: 'SPDX-2.2' }],
      ['packages[0].downloadLocation', { packages: [{ ...base, downloadLocation: undefined }] }],
    ];
    for (const [place, change] of broken) {
      const problems = spdxProblems(JSON.parse(JSON.stringify({ ...document, ...change })));
      assert.ok(
        problems.some((problem) => problem.startsWith(place)),
        `${place}: ${problems.join('; ')}`,
      );
    }
  });
});
