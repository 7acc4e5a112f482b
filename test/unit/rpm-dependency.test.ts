import assert from 'node:assert/strict';
import { filesAmong, placeOf, readPrimary } from '../../src/artefact/repository-metadata.ts';
import { type Dependency, dependencyText, isMet, type Sense } from '../../src/artefact/rpm-dependency.ts';
import { compareVersions, parseEvr } from '../../src/artefact/rpm-version.ts';

const dependency = (name: string, sense?: Sense, evr?: string): Dependency =>
  sense === undefined ? { name } : { name, version: { sense, evr: parseEvr(evr ?? '') } };

const offers = (...all: readonly Dependency[]) =>
  new Map(
    [...new Set(all.map(({ name }) => name))].map((name) => [name, all.filter((one) => one.name === name)]),
  );

describe('versions of packages', () => {
  it('are ordered as rpm documents it', () => {
    const ascending = [
      '0~rc1',
      '0',
      '1.0~rc1',
      '1.0',
      '1.0^git1',
      '1.0a',
      '1.0.1',
      '1.1',
      '1.10',
      '2',
      '20101121',
    ];
    for (const [i, older] of ascending.entries()) {
      for (const newer of ascending.slice(i + 1)) {
        assert.ok(compareVersions(older, newer) < 0, `${older} < ${newer}`);
        assert.ok(compareVersions(newer, older) > 0, `${newer} > ${older}`);
      }
    }
    assert.equal(compareVersions('2_0', '2.0'), 0);
    assert.equal(compareVersions('1.010', '1.10'), 0);
  });
});

describe('a requirement', () => {
  const met = (requirement: Dependency, ...offered: readonly Dependency[]): boolean =>
    isMet(requirement, offers(...offered));

  it('is met by the name alone, or by a version in its range', () => {
    assert.equal(met(dependency('a'), dependency('a', 'EQ', '1-1')), true);
    assert.equal(met(dependency('a', 'GE', '2'), dependency('a')), true);
    assert.equal(met(dependency('a', 'GE', '2'), dependency('a', 'EQ', '2-5')), true);
    assert.equal(met(dependency('a', 'GE', '2-6'), dependency('a', 'EQ', '2-5')), false);
    assert.equal(met(dependency('a', 'LT', '2'), dependency('a', 'EQ', '2-5')), false);
    assert.equal(met(dependency('a', 'EQ', '1:1'), dependency('a', 'EQ', '1')), false);
    assert.equal(met(dependency('a', 'GT', '1'), dependency('a', 'LT', '2')), true);
    assert.equal(met(dependency('a'), dependency('b')), false);
  });

  it('may be an expression', () => {
    const rich = (text: string, ...names: readonly string[]) =>
      met({ name: text }, ...names.map((name) => dependency(name, 'EQ', '2')));
    assert.equal(rich('(a or b)', 'b'), true);
    assert.equal(rich('(a and b)', 'b'), false);
    assert.equal(rich('(a if b)', 'c'), true);
    assert.equal(rich('(a if b)', 'b'), false);
    assert.equal(rich('(a if b else c)', 'x'), false);
    assert.equal(rich('(a if b else c)', 'c'), true);
    assert.equal(rich('(a unless b)', 'a'), true);
    assert.equal(rich('(a unless b)', 'a', 'b'), true);
    assert.equal(rich('((a >= 2 and b) or lib.so.1()(64bit))', 'lib.so.1()(64bit)'), true);
    assert.equal(rich('((a >= 3 and b) or lib.so.1()(64bit))', 'a', 'b'), false);
    assert.equal(rich('(a >= 1 with a < 3)', 'a'), true);
  });

  it('is printed as it is written in a spec file', () => {
    assert.equal(dependencyText(dependency('a', 'GE', '1:2-3')), 'a >= 1:2-3');
    assert.equal(dependencyText(dependency('a', 'EQ', '2')), 'a = 2');
    assert.equal(dependencyText(dependency('/bin/sh')), '/bin/sh');
  });
});

describe('the metadata of a repository', () => {
  it('are read package by package', () => {
    const xml = `<metadata packages="1"><package type="rpm">
  <name>a</name><arch>noarch</arch><version epoch="0" ver="1" rel="2"/><location href="p/a-1-2.noarch.rpm"/>
  <format>
    <rpm:provides><rpm:entry name="a" flags="EQ" epoch="0" ver="1" rel="2"/><rpm:entry name="x&lt;&#65;&gt;"/></rpm:provides>
    <rpm:requires><rpm:entry name="/bin/sh" pre="1"/><rpm:entry name="b" flags="GE" epoch="1" ver="3"/></rpm:requires>
    <file>/usr/bin/a</file><file type="dir">/etc/a</file>
  </format></package></metadata>`;
    assert.deepEqual(
      [...readPrimary(xml)],
      [
        {
          file: 'p/a-1-2.noarch.rpm',
          provides: [dependency('a', 'EQ', '1-2'), dependency('x<A>')],
          requires: [dependency('/bin/sh'), dependency('b', 'GE', '1:3')],
          files: ['/usr/bin/a', '/etc/a'],
        },
      ],
    );
    assert.deepEqual(filesAmong(xml, new Set(['/etc/a', '/etc/b'])), ['/etc/a']);
  });

  it('are found by what repomd.xml says', () => {
    const repomd = `<repomd><data type="primary"><location href="repodata/1-primary.xml.zst"/></data>
<data type="filelists_db"><location href="repodata/no.sqlite"/></data></repomd>`;
    assert.equal(placeOf(repomd, 'primary'), 'repodata/1-primary.xml.zst');
    assert.equal(placeOf(repomd, 'filelists'), undefined);
  });
});
