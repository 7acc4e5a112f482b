/** The rules of SPDX 2.3 for JSON documents without files and snippets: fields, ids and references. */
import * as z from 'zod';

const SPDX_ID = /^SPDXRef-[A-Za-z0-9.-]+$/;
const LICENCE = /^(?:NOASSERTION|NONE|[A-Za-z0-9.+() -]+)$/;

const Package = z.strictObject({
  SPDXID: z.string().regex(SPDX_ID),
  name: z.string().min(1),
  versionInfo: z.string().min(1).optional(),
  supplier: z
    .string()
    .regex(/^(?:NOASSERTION|Person: .+|Organization: .+)$/)
    .optional(),
  downloadLocation: z.string().regex(/^(?:NOASSERTION|NONE|[a-z+]+:\/\/.+)$/),
  filesAnalyzed: z.boolean(),
  licenseConcluded: z.string().regex(LICENCE).optional(),
  licenseDeclared: z.string().regex(LICENCE).optional(),
  copyrightText: z.string().min(1).optional(),
  packageFileName: z.string().min(1).optional(),
  checksums: z
    .array(
      z.strictObject({ algorithm: z.literal('SHA256'), checksumValue: z.string().regex(/^[0-9a-f]{64}$/) }),
    )
    .optional(),
  externalRefs: z
    .array(
      z.strictObject({
        referenceCategory: z.literal('PACKAGE-MANAGER'),
        referenceType: z.literal('purl'),
        referenceLocator: z
          .string()
          .regex(/^pkg:[a-z]+\/(?:[\w.%-]+\/)?[\w.%-]+@[\w.%:~-]+(?:\?[\w=&.-]+)?$/),
      }),
    )
    .optional(),
});

const Document = z.strictObject({
  spdxVersion: z.literal('SPDX-2.3'),
  dataLicense: z.literal('CC0-1.0'),
  SPDXID: z.literal('SPDXRef-DOCUMENT'),
  name: z.string().min(1),
  // 6.5: an absolute URI without a fragment.
  documentNamespace: z.string().regex(/^[a-z]+:\/\/[^#\s]+$/),
  creationInfo: z.strictObject({
    created: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    creators: z.array(z.string().regex(/^(?:Tool|Organization|Person): .+$/)).min(1),
  }),
  packages: z.array(Package).min(1),
  relationships: z.array(
    z.strictObject({
      spdxElementId: z.string(),
      relationshipType: z.enum(['DESCRIBES', 'CONTAINS', 'DEPENDS_ON']),
      relatedSpdxElement: z.string(),
    }),
  ),
});

/** What a document breaks, each with its place; none for a valid one. */
export function spdxProblems(document: unknown): readonly string[] {
  const checked = Document.safeParse(document);
  if (!checked.success) {
    return checked.error.issues.map(({ path, message }) => `${placeOf(path)}: ${message}`);
  }
  const { packages, relationships } = checked.data;
  const ids = packages.map(({ SPDXID }) => SPDXID);
  const known = new Set(['SPDXRef-DOCUMENT', ...ids]);
  return [
    ...ids.flatMap((id, i) =>
      ids.indexOf(id) < i ? [`packages[${i}].SPDXID: ${id} stands there twice`] : [],
    ),
    ...relationships.flatMap(({ spdxElementId, relatedSpdxElement }, i) =>
      [spdxElementId, relatedSpdxElement]
        .filter((id) => !known.has(id))
        .map((id) => `relationships[${i}]: there is no ${id}`),
    ),
    ...(relationships.some(({ relationshipType }) => relationshipType === 'DESCRIBES')
      ? []
      : ['relationships: the document describes nothing']),
  ];
}

const placeOf = (path: readonly PropertyKey[]): string =>
  path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
