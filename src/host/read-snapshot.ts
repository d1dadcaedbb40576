/**
 * Reads a snapshot document. Only what would make everything after it meaningless is refused; a key that is missing is a fact
 * that is unknown, so that a document made by hand may hold just `vethscope` and a few raw outputs.
 */
import { failure, messageOf } from '../base/errors.ts';
import { asNumber, asObject, asString, type JsonObject, stringsOf } from './json-value.ts';
import { type Shape, shapeProblems } from './shapes.ts';
import type { DockerDocument, NamespaceDocument, RawOutputs, SnapshotDocument } from './snapshot.ts';

const HINT = 'docs/formats.md describes the document; `vethscope snapshot` prints one';

/** @throws a failure that says what is wrong and where */
export const parseSnapshot = (text: string): SnapshotDocument => {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw failure('cannot read the snapshot: it is not JSON', { detail: messageOf(error), hint: HINT, cause: error });
  }
  const top = asObject(value);
  if (top === null) throw failure('cannot read the snapshot: the document is no JSON object', { hint: HINT });
  if (top['vethscope'] === undefined) throw failure('cannot read the snapshot: there is no "vethscope" key', { hint: HINT });
  if (asNumber(top['vethscope']) !== 1) {
    throw failure(`cannot read the snapshot: version ${JSON.stringify(top['vethscope'])} is not known to this program`, {
      hint: 'a newer vethscope may have made it',
    });
  }
  refuseOthers(top, SNAPSHOT);
  const netns = top['netns'];
  const missing = optionalTexts(top['missing'], 'missing');
  return {
    vethscope: 1,
    takenAt: scalarText(top['takenAt']) ?? '',
    host: asString(top['host']) ?? '',
    ...(netns === undefined || netns === null ? {} : { netns: String(netns) }),
    namespaces: namespacesOf(top['namespaces']),
    docker: dockerOf(top['docker']),
    raw: rawOf(top['raw'], 'raw'),
    ...(missing === null ? {} : { missing }),
  };
};

/** Of the frame around the outputs nothing can be left out: the values say what the outputs are about. */
const refuseOthers = (top: JsonObject, shape: Shape): void => {
  const [problem] = shapeProblems(top, shape, 'cannot read the snapshot');
  if (problem !== undefined) throw failure(problem, { hint: HINT });
};

const SNAPSHOT: Shape = {
  fields: {
    takenAt: 'seconds',
    host: 'text',
    netns: 'scalar',
    missing: { each: 'text' },
    namespaces: {
      each: {
        fields: { nsid: 'number', pid: 'number', startTime: 'scalar', owners: { list: 'text' }, path: 'text', missing: { each: 'text' } },
      },
    },
    docker: { fields: { version: 'text', apiVersion: 'text', firewallBackend: 'text', error: 'text' } },
  },
};

const scalarText = (value: unknown): string | null =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;

const objectAt = (value: unknown, where: string): JsonObject | null => {
  if (value === undefined || value === null) return null;
  const object = asObject(value);
  if (object === null) throw failure(`cannot read the snapshot: "${where}" is no object`, { hint: HINT });
  return object;
};

const rawOf = (value: unknown, where: string): RawOutputs => {
  const object = objectAt(value, where) ?? {};
  const raw: Record<string, string> = {};
  for (const [command, output] of Object.entries(object)) {
    if (output === null) continue;
    // Outputs of `-j` commands may be there as JSON itself: handier for people who mend a document.
    if (typeof output === 'string') raw[command] = output;
    else if (typeof output === 'object') raw[command] = JSON.stringify(output);
    else throw failure(`cannot read the snapshot: the output of "${command}" in "${where}" is no text`, { hint: HINT });
  }
  return raw;
};

const optionalTexts = (value: unknown, where: string): Readonly<Record<string, string>> | null => {
  const object = objectAt(value, where);
  return object === null ? null : Object.fromEntries(Object.entries(object).map(([key, text]) => [key, String(text)]));
};

const namespacesOf = (value: unknown): Readonly<Record<string, NamespaceDocument>> => {
  const out: Record<string, NamespaceDocument> = {};
  for (const [id, entry] of Object.entries(objectAt(value, 'namespaces') ?? {})) {
    const where = `namespaces.${id}`;
    const object = objectAt(entry, where) ?? {};
    const path = asString(object['path']);
    const missing = optionalTexts(object['missing'], `${where}.missing`);
    out[id] = {
      nsid: asNumber(object['nsid']),
      pid: asNumber(object['pid']),
      startTime: scalarText(object['startTime']),
      owners: stringsOf(object['owners']),
      ...(path === null ? {} : { path }),
      raw: rawOf(object['raw'], `${where}.raw`),
      ...(missing === null ? {} : { missing }),
    };
  }
  return out;
};

const dockerOf = (value: unknown): DockerDocument => {
  const object = objectAt(value, 'docker');
  if (object === null)
    return { version: null, apiVersion: null, containers: [], networks: [], error: 'the snapshot holds no answer of Docker' };
  for (const key of ['containers', 'networks'] as const) {
    const list = object[key];
    if (list !== undefined && list !== null && !Array.isArray(list)) {
      throw failure(`cannot read the snapshot: "docker.${key}" is no array`, { hint: HINT });
    }
  }
  // The entries are looked into by the readers, field by field; what is odd there becomes a problem and no failure.
  return {
    ...(object as unknown as DockerDocument),
    containers: (object['containers'] ?? []) as DockerDocument['containers'],
    networks: (object['networks'] ?? []) as DockerDocument['networks'],
  };
};
