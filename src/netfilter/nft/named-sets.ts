/** A table's named sets and maps, and whether its own rules change what they hold. nft(8) "SETS". */
import { type Datatype, datatype } from './datatypes.ts';
import { declaredTypes } from './expressions.ts';
import { isObject, namedBody, textOf } from './json.ts';
import type { NamedSet, NftContext } from './operand.ts';
import type { NftSet, NftTable } from './ruleset.ts';
import { SetIndex } from './set-index.ts';

export const namedSets = (table: NftTable): ReadonlyMap<string, NamedSet> => {
  const sets = new Map<string, NamedSet>();
  const context: NftContext = { family: table.family, table, sets };
  const changed = changes(table);
  for (const set of table.sets.values()) {
    const keyTypes = declaredTypes(set.keyTypes, context);
    const dataTypes = set.dataTypes.some((entry) => entry === 'verdict') ? verdictType : declaredTypes(set.dataTypes, context);
    // A set of a datatype that is not known is no set for rules: they are then unknown.
    if (keyTypes === null || dataTypes === null) continue;
    sets.set(set.name, namedSet(set, keyTypes, dataTypes, changed.get(set.name) ?? NO_CHANGES));
  }
  return sets;
};

const verdictType: readonly Datatype[] = [datatype('verdict')].filter((entry) => entry !== null);

interface Changes {
  readonly added: boolean;
  readonly deleted: boolean;
}

const NO_CHANGES: Changes = { added: false, deleted: false };

const namedSet = (set: NftSet, keyTypes: readonly Datatype[], dataTypes: readonly Datatype[], { added, deleted }: Changes): NamedSet => {
  let index: SetIndex | null = null;
  return {
    name: set.name,
    keyTypes,
    dataTypes,
    added,
    deleted,
    ageing:
      set.timeoutSec !== null || set.flags.includes('timeout') ? `elements of @${set.name} expire: it is taken as it was listed` : null,
    index: () => {
      index ??= new SetIndex(keyTypes, set.elements, set.kind === 'map');
      return index;
    },
  };
};

/** Which sets the table's rules add to or delete from. */
const changes = (table: NftTable): ReadonlyMap<string, Changes> => {
  const found = new Map<string, Changes>();
  for (const { rules } of table.chains) {
    for (const { statements } of rules) {
      for (const statement of statements) {
        const named = namedBody(statement);
        if ((named?.name !== 'set' && named?.name !== 'map') || !isObject(named.body)) continue;
        const name = (textOf(named.body['set'] ?? named.body['map']) ?? '').replace(/^@/, '');
        const before = found.get(name) ?? NO_CHANGES;
        const isDelete = named.body['op'] === 'delete';
        found.set(name, { added: before.added || !isDelete, deleted: before.deleted || isDelete });
      }
    }
  }
  return found;
};
