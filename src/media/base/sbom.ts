/** What is in the embedded base, as an SPDX 2.3 document (JSON), for those who have to tell what they run. */
import { basename } from 'node:path';
import { hashJson } from '../../host/hash.ts';
import { uuidOf } from '../xorriso.ts';

export interface SbomFacts {
  /** Identity of the base. */
  readonly id: string;
  /** Debian's name of the release, for example `bookworm`. */
  readonly suite: string;
  /** Name → version of the Debian packages. */
  readonly packages: Readonly<Record<string, string>>;
  /** Package files that were installed beside them. */
  readonly rpms: readonly string[];
  readonly squashfs: { readonly file: string; readonly sha256: string };
  /** Version of slipway. */
  readonly slipway: string;
  /** Seconds. */
  readonly sourceDateEpoch: number;
}

/** https://spdx.github.io/spdx-spec/v2.3/: the fields that we fill in. */
export interface SpdxDocument {
  readonly spdxVersion: 'SPDX-2.3';
  readonly dataLicense: 'CC0-1.0';
  readonly SPDXID: 'SPDXRef-DOCUMENT';
  readonly name: string;
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string; readonly creators: readonly string[] };
  readonly packages: readonly SpdxPackage[];
  readonly relationships: readonly SpdxRelationship[];
}

export interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo: string;
  readonly supplier: string;
  readonly downloadLocation: string;
  readonly filesAnalyzed: false;
  readonly licenseConcluded: string;
  readonly licenseDeclared: string;
  readonly copyrightText: string;
  readonly packageFileName?: string;
  readonly checksums?: readonly { readonly algorithm: 'SHA256'; readonly checksumValue: string }[];
  readonly externalRefs?: readonly {
    readonly referenceCategory: 'PACKAGE-MANAGER';
    readonly referenceType: 'purl';
    readonly referenceLocator: string;
  }[];
}

export interface SpdxRelationship {
  readonly spdxElementId: string;
  readonly relationshipType: 'DESCRIBES' | 'CONTAINS';
  readonly relatedSpdxElement: string;
}

const DOCUMENT = 'SPDXRef-DOCUMENT';
const BASE = 'SPDXRef-base';

/** The document for a base; the same base gives the same text. Licences are Debian's to tell: they are in the image. */
export function spdxDocument(facts: SbomFacts): SpdxDocument {
  const debian = Object.entries(facts.packages)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, version]) => debianPackage(name, version, facts.suite));
  const rpms = facts.rpms.map(rpmPackage);
  const inside = [...debian, ...rpms];
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: DOCUMENT,
    name: 'slipway-base',
    documentNamespace: `https://spdx.org/spdxdocs/slipway-base-${uuidOf(hashJson(facts))}`,
    creationInfo: {
      created: new Date(facts.sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z'),
      creators: [`Tool: slipway-${facts.slipway}`],
    },
    packages: [basePackage(facts), ...inside],
    relationships: [
      { spdxElementId: DOCUMENT, relationshipType: 'DESCRIBES', relatedSpdxElement: BASE },
      ...inside.map(
        ({ SPDXID }) =>
          ({ spdxElementId: BASE, relationshipType: 'CONTAINS', relatedSpdxElement: SPDXID }) as const,
      ),
    ],
  };
}

const UNSAID = {
  downloadLocation: 'NOASSERTION',
  filesAnalyzed: false,
  licenseConcluded: 'NOASSERTION',
  licenseDeclared: 'NOASSERTION',
  copyrightText: 'NOASSERTION',
} as const;

const basePackage = ({ id, squashfs }: SbomFacts): SpdxPackage => ({
  SPDXID: BASE,
  name: 'slipway-base',
  versionInfo: id,
  supplier: 'NOASSERTION',
  ...UNSAID,
  packageFileName: squashfs.file,
  checksums: [{ algorithm: 'SHA256', checksumValue: squashfs.sha256 }],
});

function debianPackage(name: string, version: string, suite: string): SpdxPackage {
  return {
    SPDXID: `SPDXRef-deb-${idPart(name)}`,
    name,
    versionInfo: version,
    supplier: 'Organization: Debian',
    ...UNSAID,
    externalRefs: [purl(`pkg:deb/debian/${purlPart(name)}@${purlPart(version)}?distro=${purlPart(suite)}`)],
  };
}

function rpmPackage(file: string): SpdxPackage {
  const [, name = '', version = ''] = /^(.+)-([^-]+-[^-]+)\.[^.]+\.rpm$/.exec(basename(file)) ?? [];
  return {
    SPDXID: `SPDXRef-rpm-${idPart(name)}`,
    name,
    versionInfo: version,
    supplier: 'NOASSERTION',
    ...UNSAID,
    externalRefs: [purl(`pkg:rpm/${purlPart(name)}@${purlPart(version)}`)],
  };
}

const purl = (referenceLocator: string) =>
  ({ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator }) as const;

/** An SPDX id holds letters, digits, dots and dashes; of the rest Debian's names have the plus only. */
const idPart = (name: string): string => name.replaceAll('+', '.plus');

/** Package URLs are percent-encoded, but for the colon. */
const purlPart = (text: string): string => encodeURIComponent(text).replaceAll('%3A', ':');
